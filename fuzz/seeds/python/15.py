def count(click, counts, titles):
    path = click["path"]
    counts[path] += 1
    return {"path": path, "title": titles[path], "clicks": counts[path]}
