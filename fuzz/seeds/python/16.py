from datetime import datetime, timezone

def greet():
    return {"greeting": "good morning", "at": datetime.now(timezone.utc).isoformat()}
