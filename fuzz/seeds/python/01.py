def plausible(reading):
    return COLDEST <= reading.get("celsius", COLDEST - 1) <= HOTTEST
