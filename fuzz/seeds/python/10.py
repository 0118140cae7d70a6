def keep(payment, payments):
    payments[payment["id"]] = payment
    return payment
