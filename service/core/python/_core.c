/* _core.c - Python's view of the C core: one type, State, that mirrors prosody.h. Buffers in, buffers out; no NumPy C API; limited API of Python 3.11.
 *
 * The GIL is released while samples are measured. A state that another thread is using refuses the call instead of corrupting itself.
 */
#include "binding.h"

#include <string.h>

#include "prosody.h"

typedef struct {
    PyObject_HEAD
    prosody_state *state;
    int busy;
} StateObject;

PyObject *raise_code(int code) {
    PyObject *type = code == PROSODY_ERR_MEMORY     ? PyExc_MemoryError
                     : code == PROSODY_ERR_FINISHED ? PyExc_RuntimeError
                                                    : PyExc_ValueError;
    PyErr_SetString(type, prosody_strerror(code));
    return NULL;
}

static PyObject *state_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"sample_rate_hz", "simd", NULL};
    int rate;
    const char *simd = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "i|z", names, &rate, &simd))
        return NULL;
    prosody_config config;
    int code = prosody_config_init(&config, rate);
    if (code < 0)
        return raise_code(code);
    config.simd = simd;
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    StateObject *self = (StateObject *)alloc(type, 0);
    if (self == NULL)
        return NULL;
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
static int enter(StateObject *self) {
    if (__atomic_exchange_n(&self->busy, 1, __ATOMIC_ACQUIRE)) {
        PyErr_SetString(PyExc_RuntimeError, "this state is in use by another thread; give each thread its own");
        return 0;
    }
    return 1;
}

static void leave(StateObject *self) {
    __atomic_store_n(&self->busy, 0, __ATOMIC_RELEASE);
}

/* What a buffer holds: 'f' float32, 'h' int16, or 0 for anything else. */
static char buffer_kind(const Py_buffer *view) {
    const char *format = view->format == NULL ? "B" : view->format;
    if (*format == '<' || *format == '=' || *format == '@')
        format++;
    if (view->ndim != 1 || format[1] != '\0')
        return 0;
    return (*format == 'f' && view->itemsize == 4) || (*format == 'h' && view->itemsize == 2) ? *format : 0;
}

/* Rows of the caller's output buffer, or -1 with an exception. */
static Py_ssize_t output_rows(const Py_buffer *view) {
    const Py_ssize_t row = (Py_ssize_t)(prosody_columns() * sizeof(float));
    if (view->len % row != 0) {
        PyErr_Format(PyExc_ValueError, "output of %zd bytes does not hold whole rows of %zd bytes", view->len, row);
        return -1;
    }
    return view->len / row;
}

/* Accepts and reads in turn until all samples are taken; returns rows written or an error. */
static ptrdiff_t push_all(prosody_state *state, const void *samples, size_t count, char kind, float *rows, size_t max_rows) {
    size_t done = 0, written = 0;
    for (;;) {
        ptrdiff_t taken = kind == 'f' ? prosody_accept(state, (const float *)samples + done, count - done)
                                      : prosody_accept_i16(state, (const int16_t *)samples + done, count - done);
        if (taken < 0)
            return taken;
        done += (size_t)taken;
        ptrdiff_t got = prosody_read(state, rows + written * prosody_columns(), max_rows - written);
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
    const Py_ssize_t max_rows = output_rows(&out);
    if (kind == 0) {
        PyErr_SetString(PyExc_TypeError, "samples must be one-dimensional, contiguous float32 or int16");
    } else if (max_rows >= 0 && enter(self)) {
        const size_t count = (size_t)(samples.len / samples.itemsize);
        ptrdiff_t code;
        Py_BEGIN_ALLOW_THREADS
        if (kind == 'f' && prosody_find_bad(samples.buf, count) < count)
            code = PROSODY_ERR_SAMPLE;
        else
            code = push_all(self->state, samples.buf, count, kind, out.buf, (size_t)max_rows);
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
    const Py_ssize_t max_rows = output_rows(&out);
    if (max_rows >= 0 && enter(self)) {
        ptrdiff_t held, got;
        size_t written = 0;
        Py_BEGIN_ALLOW_THREADS
        do {
            held = prosody_finish(self->state);
            got = prosody_read(self->state, (float *)out.buf + written * prosody_columns(), (size_t)max_rows - written);
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
    {Py_tp_doc, "State(sample_rate_hz, simd=None)\n--\n\nOne channel's stream."},
    {0, NULL},
};

static PyType_Spec state_spec = {
    .name = "simpatico._core.State",
    .basicsize = sizeof(StateObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = state_slots,
};

PyObject *strings(const char *(*at)(size_t), int available_only) {
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && at(i) != NULL; i++) {
        if (available_only && !prosody_simd_available(at(i)))
            continue;
        PyObject *text = PyUnicode_FromString(at(i));
        if (text == NULL || PyList_Append(list, text) < 0)
            Py_CLEAR(list);
        Py_XDECREF(text);
    }
    if (list == NULL)
        return NULL;
    PyObject *tuple = PyList_AsTuple(list);
    Py_DECREF(list);
    return tuple;
}

int add(PyObject *module, const char *name, PyObject *value) {
    const int code = value == NULL ? -1 : PyModule_AddObjectRef(module, name, value);
    Py_XDECREF(value);
    return code;
}

static int module_exec(PyObject *module) {
    if (add(module, "State", PyType_FromModuleAndSpec(module, &state_spec, NULL)) < 0 ||
        add(module, "COLUMNS", strings(prosody_column_name, 0)) < 0 || add(module, "UNITS", strings(prosody_column_unit, 0)) < 0 ||
        add(module, "SIMD_NAMES", strings(prosody_simd_name, 0)) < 0 || add(module, "SIMD_AVAILABLE", strings(prosody_simd_name, 1)) < 0 ||
        add(module, "VERSION", PyUnicode_FromString(prosody_version())) < 0 ||
        add(module, "COMPILER", PyUnicode_FromString(__VERSION__)) < 0 ||
        add(module, "LATENCY_FRAMES", PyLong_FromSize_t(prosody_latency_frames())) < 0 ||
        add(module, "MAX_ABS", PyFloat_FromDouble(PROSODY_MAX_ABS)) < 0 || add_functionals(module) < 0)
        return -1;
    return 0;
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
#ifdef Py_GIL_DISABLED
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "simpatico._core",
    .m_doc = "The C core; use simpatico.core.",
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit__core(void) {
    return PyModuleDef_Init(&module);
}
