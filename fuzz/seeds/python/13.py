def work(order):
    counts[order["customer"]] += 1
    return order
