// Floor: c
//
// A number of units, that coroutines take and put back.

#ifndef QEMU_CO_SHARED_RESOURCE_H
#define QEMU_CO_SHARED_RESOURCE_H

#include <qemu/coroutine-core.h>

WEFT_C_BEGIN

typedef struct SharedResource SharedResource;

/// No memory ends the program.
SharedResource* shres_create(uint64_t total) WEFT_SYMBOL_OF(shres_create);
/// Ends the program with a message unless all units are back.
void shres_destroy(SharedResource* s) WEFT_SYMBOL_OF(shres_destroy);

/// Takes n units, if there are as many and nobody waits. Ends the program with a message if that is more than there are in all.
bool co_try_get_from_shres(SharedResource* s, uint64_t n) WEFT_SYMBOL_OF(co_try_get_from_shres);
/// Takes n units, waiting until there are as many: first come, first served.
void coroutine_fn co_get_from_shres(SharedResource* s, uint64_t n) WEFT_SYMBOL_OF(co_get_from_shres);
/// Puts n units back and grants them to those that wait, in order.
void coroutine_fn co_put_to_shres(SharedResource* s, uint64_t n) WEFT_SYMBOL_OF(co_put_to_shres);

WEFT_C_END

#endif
