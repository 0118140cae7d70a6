def add(order, spent):
    customer = order["customer"]
    spent[customer] = (spent.get(customer) or 0) + order["amount"]
    return order
