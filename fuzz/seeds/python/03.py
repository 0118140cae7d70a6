def key(reading):
    return str(reading["sensor"]).encode()
