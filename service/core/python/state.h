/* state.h - the State object, as the files of the binding see it. */
#ifndef PROSODY_BINDING_STATE_H
#define PROSODY_BINDING_STATE_H

#include "binding.h"
#include "prosody.h"

typedef struct {
    PyObject_HEAD
    prosody_state *state;
    size_t columns;             /* floats of a row */
    int busy;
} StateObject;

/* Takes a state for one call; 0 with an exception when another thread has it. */
int enter(StateObject *self);
void leave(StateObject *self);

/* What a buffer holds: 'f' float32, 'h' int16, or 0 for anything else. */
char buffer_kind(const Py_buffer *view);

/* Rows of the caller's output buffer, or -1 with an exception. */
Py_ssize_t output_rows(const StateObject *self, const Py_buffer *view);

#endif
