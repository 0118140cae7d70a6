def find(spent):
    amounts = dict(spent.items())
    best = max(amounts, key=amounts.get, default=None)
    return {"customer": best, "spent": amounts.get(best, 0)}
