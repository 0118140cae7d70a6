def convert(reading):
    return {**reading, "fahrenheit": fahrenheit(reading["celsius"])}
