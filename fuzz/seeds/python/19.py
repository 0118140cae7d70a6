def find(request, item, items):
    pieces = items.get(item)
    if pieces is None:
        raise LookupError(f"no item {item}")
    return {"item": item, "pieces": pieces}
