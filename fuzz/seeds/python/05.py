def topic(reading):
    return f"readings-{reading.get('site', 'unknown')}"
