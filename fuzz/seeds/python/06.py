def is_complete(order):
    return bool(order) and "customer" in order and "amount" in order
