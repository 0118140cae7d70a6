from __future__ import annotations
import os.path as p, sys
async def f[T](a, /, b: int = 1, *c, d=2, **e) -> T:
    global g
    g = [x async for x in a if (y := x)]
    async with a as q, b as r: yield {**e, 'k': f"{q!r:>{b}}"}
    try: await a
    except* (KeyError, ValueError) as z: pass
    else: nonlocal_ = lambda *a, **k: not -a ** 2
    match a:
        case {'x': [1, *rest], **more} | C(y=None): del rest
        case _: return
@deco
class C(metaclass=M):
    x: int = 0xff_ff; s = rb'\x00' b"" rf'{1}'
    for i in range(3):
        if i: continue
        else: break
    while True: raise E from None
type X = list[int]
