def value(reading):
    return {"sensor": reading["sensor"], "fahrenheit": reading["fahrenheit"]}
