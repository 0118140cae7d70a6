import os

def beat():
    return {"member": os.environ.get("POD_NAME", "unknown")}
