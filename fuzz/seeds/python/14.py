def keep(page, titles):
    titles[page["path"]] = page["title"]
    return page
