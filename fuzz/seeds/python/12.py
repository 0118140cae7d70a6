def total(items):
    return sum(item["price"] for item in items)

def work(order):
    return {**order, "total": total(order["items"])}
