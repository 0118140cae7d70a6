def keep(customer, customers):
    customers[customer["id"]] = customer
    return customer
