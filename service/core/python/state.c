/* state.c - State: one channel's stream. The GIL is released while samples are measured. A state that another thread is using refuses the call instead of
 * corrupting itself.
 */
#include "state.h"

#include <string.h>

static PyObject *state_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"sample_rate_hz", "simd", "sets", "reserve_frames", NULL};
    int rate;
    unsigned int sets = PROSODY_SET_SIGNALS, reserve = 0;
    const char *simd = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "i|zII", names, &rate, &simd, &sets, &reserve))
        return NULL;
    prosody_config config;
    int code = prosody_config_init(&config, rate);
    if (code < 0)
        return raise_code(code);
    config.simd = simd;
    config.sets = sets;
    config.reserve_frames = reserve;
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    StateObject *self = (StateObject *)alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->columns = prosody_columns(sets);
    code = prosody_create(&config, &self->state);
    if (code < 0) {
        Py_DECREF(self);
        return raise_code(code);
    }
    return (PyObject *)self;
}

static void state_dealloc(StateObject *self) {
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    prosody_destroy(self->state);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

/* Atomic, because a free-threaded Python has no lock around this. */
int enter(StateObject *self) {
    if (__atomic_exchange_n(&self->busy, 1, __ATOMIC_ACQUIRE)) {
        PyErr_SetString(PyExc_RuntimeError, "this state is in use by another thread; give each thread its own");
        return 0;
    }
    return 1;
}

void leave(StateObject *self) {
    __atomic_store_n(&self->busy, 0, __ATOMIC_RELEASE);
}

char buffer_kind(const Py_buffer *view) {
    const char *format = view->format == NULL ? "B" : view->format;
    if (*format == '<' || *format == '=' || *format == '@')
        format++;
    if (view->ndim != 1 || format[1] != '\0')
        return 0;
    return (*format == 'f' && view->itemsize == 4) || (*format == 'h' && view->itemsize == 2) ? *format : 0;
}

Py_ssize_t output_rows(const StateObject *self, const Py_buffer *view) {
    const Py_ssize_t row = (Py_ssize_t)(self->columns * sizeof(float));
    if (view->len % row != 0) {
        PyErr_Format(PyExc_ValueError, "output of %zd bytes does not hold whole rows of %zd bytes", view->len, row);
        return -1;
    }
    return view->len / row;
}

/* Accepts and reads in turn until all samples are taken; returns rows written or an error. */
static ptrdiff_t push_all(StateObject *self, const void *samples, size_t count, char kind, float *rows, size_t max_rows) {
    prosody_state *const state = self->state;
    size_t done = 0, written = 0;
    for (;;) {
        ptrdiff_t taken = kind == 'f' ? prosody_accept(state, (const float *)samples + done, count - done)
                                      : prosody_accept_i16(state, (const int16_t *)samples + done, count - done);
        if (taken < 0)
            return taken;
        done += (size_t)taken;
        ptrdiff_t got = prosody_read(state, rows + written * self->columns, max_rows - written);
        if (got < 0)
            return got;
        written += (size_t)got;
        if (done == count)
            return (ptrdiff_t)written;
        if (taken == 0 && got == 0)
            return PROSODY_ERR_ARGUMENT; /* the output is too small */
    }
}

static PyObject *state_push(StateObject *self, PyObject *args) {
    Py_buffer samples, out;
    PyObject *object, *result = NULL;
    if (!PyArg_ParseTuple(args, "Ow*", &object, &out))
        return NULL;
    if (PyObject_GetBuffer(object, &samples, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS) < 0) {
        PyBuffer_Release(&out);
        return NULL;
    }
    const char kind = buffer_kind(&samples);
    const Py_ssize_t max_rows = output_rows(self, &out);
    if (kind == 0) {
        PyErr_SetString(PyExc_TypeError, "samples must be one-dimensional, contiguous float32 or int16");
    } else if (max_rows >= 0 && enter(self)) {
        const size_t count = (size_t)(samples.len / samples.itemsize);
        ptrdiff_t code;
        Py_BEGIN_ALLOW_THREADS
        if (kind == 'f' && prosody_find_bad(samples.buf, count) < count)
            code = PROSODY_ERR_SAMPLE;
        else
            code = push_all(self, samples.buf, count, kind, out.buf, (size_t)max_rows);
        Py_END_ALLOW_THREADS
        leave(self);
        result = code < 0 ? raise_code((int)code) : PyLong_FromSsize_t(code);
    }
    PyBuffer_Release(&samples);
    PyBuffer_Release(&out);
    return result;
}

static PyObject *state_finish(StateObject *self, PyObject *args) {
    Py_buffer out;
    PyObject *result = NULL;
    if (!PyArg_ParseTuple(args, "w*", &out))
        return NULL;
    const Py_ssize_t max_rows = output_rows(self, &out);
    if (max_rows >= 0 && enter(self)) {
        ptrdiff_t held, got;
        size_t written = 0;
        Py_BEGIN_ALLOW_THREADS
        do {
            held = prosody_finish(self->state);
            got = prosody_read(self->state, (float *)out.buf + written * self->columns, (size_t)max_rows - written);
            written += (size_t)got;
        } while (held > 0 && got > 0);
        Py_END_ALLOW_THREADS
        leave(self);
        result = PyLong_FromSize_t(written);
    }
    PyBuffer_Release(&out);
    return result;
}

static PyObject *state_reset(StateObject *self, PyObject *unused) {
    (void)unused;
    if (!enter(self))
        return NULL;
    prosody_reset(self->state);
    leave(self);
    Py_RETURN_NONE;
}

static PyObject *state_describe(StateObject *self, PyObject *unused) {
    (void)unused;
    return Py_BuildValue("{s:s,s:n,s:n}", "simd", prosody_simd_level(self->state), "hop", (Py_ssize_t)prosody_hop(self->state), "bytes",
                         (Py_ssize_t)prosody_state_bytes(self->state));
}

static PyMethodDef state_methods[] = {
    {"push", (PyCFunction)state_push, METH_VARARGS, "push(samples, out, /)\n--\n\nMeasures samples (float32 or int16), writes rows into out, returns how many."},
    {"finish", (PyCFunction)state_finish, METH_VARARGS, "finish(out, /)\n--\n\nEnds the stream, writes its last rows into out, returns how many."},
    {"reset", (PyCFunction)state_reset, METH_NOARGS, "reset()\n--\n\nBack to an empty stream."},
    {"describe", (PyCFunction)state_describe, METH_NOARGS, "describe()\n--\n\nSIMD level, hop in samples, bytes of memory."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot state_slots[] = {
    {Py_tp_new, state_new},
    {Py_tp_dealloc, state_dealloc},
    {Py_tp_methods, state_methods},
    {Py_tp_doc, "State(sample_rate_hz, simd=None, sets=1, reserve_frames=0)\n--\n\nOne channel's stream."},
    {0, NULL},
};

static PyType_Spec state_spec = {
    .name = "simpatico._core.State",
    .basicsize = sizeof(StateObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = state_slots,
};

int add_state(PyObject *module) {
    return add(module, "State", PyType_FromModuleAndSpec(module, &state_spec, NULL));
}
