async def read(request):
    change = await request.json()
    return {"item": str(change["item"]), "pieces": int(change["pieces"])}
