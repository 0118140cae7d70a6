def look_up(request, customer, spent):
    amount = spent.get(customer)
    if amount is None:
        raise LookupError(f"no orders of {customer}")
    return {"customer": customer, "spent": amount}
