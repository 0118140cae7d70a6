COLDEST, HOTTEST = -80.0, 400.0

def fahrenheit(celsius):
    return celsius * 9 / 5 + 32
