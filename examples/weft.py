#!/usr/bin/env python3
"""weft from Python, as a proof that the C face can be called from elsewhere: tasks of Python functions, and a wait of
Python's own, that lets them run. (The functions must not wait themselves: CPython's frames can't be switched.)

    WEFT_C_LIBRARY=.../libweft-c.so python3 weft.py
"""
import ctypes
import os

weft = ctypes.CDLL(os.environ.get("WEFT_C_LIBRARY", "libweft-c.so.0"))
Body = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
weft.weft_spawn.argtypes, weft.weft_spawn.restype = [Body, ctypes.c_void_p], ctypes.c_void_p
weft.weft_join.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_int)]
weft.weft_sleep.argtypes = [ctypes.c_int64]

square = Body(lambda n: (n or 0) ** 2)
tasks = [weft.weft_spawn(square, n) for n in range(5)]
weft.weft_sleep(1_000_000)  # outside a coroutine it runs the loop
for task in tasks:
    result = ctypes.c_int()
    error = weft.weft_join(task, ctypes.byref(result))
    print(result.value if error == 0 else os.strerror(-error))
