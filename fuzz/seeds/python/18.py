def keep(change, items):
    items[change["item"]] = change["pieces"]
    return change
