/* functionals.c - Python's view of the functionals: one type, Functionals, and smooth_lld, that mirror prosody.h. Rows are float32 buffers of two dimensions, whose rows may lie
 * apart. The GIL is released while rows are taken, smoothed and read.
 */
#include "binding.h"

#include "prosody.h"

typedef struct {
    PyObject_HEAD
    prosody_functionals *sums;
    int busy;
} FunctionalsObject;

static PyObject *functionals_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"exact_frames", NULL};
    Py_ssize_t exact_frames;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "n", names, &exact_frames))
        return NULL;
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    FunctionalsObject *self = (FunctionalsObject *)alloc(type, 0);
    if (self == NULL)
        return NULL;
    const int code = prosody_functionals_create(exact_frames < 0 ? 0 : (size_t)exact_frames, &self->sums);
    if (code < 0) {
        Py_DECREF(self);
        return raise_code(code);
    }
    return (PyObject *)self;
}

static void functionals_dealloc(FunctionalsObject *self) {
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    prosody_functionals_destroy(self->sums);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

/* Atomic, because a free-threaded Python has no lock around this. */
static int enter(FunctionalsObject *self) {
    if (__atomic_exchange_n(&self->busy, 1, __ATOMIC_ACQUIRE)) {
        PyErr_SetString(PyExc_RuntimeError, "these functionals are in use by another thread; give each thread its own");
        return 0;
    }
    return 1;
}

static void leave(FunctionalsObject *self) {
    __atomic_store_n(&self->busy, 0, __ATOMIC_RELEASE);
}

static int is_float32(const Py_buffer *view) {
    const char *format = view->format == NULL ? "B" : view->format;
    if (*format == '<' || *format == '=' || *format == '@')
        format++;
    return format[0] == 'f' && format[1] == '\0' && view->itemsize == 4;
}

/* Gets a view of float32 rows; returns the floats between the starts of two rows, or 0 with an exception and nothing to release. */
static size_t get_rows(PyObject *object, Py_buffer *view) {
    if (PyObject_GetBuffer(object, view, PyBUF_FORMAT | PyBUF_STRIDES) < 0)
        return 0;
    if (view->ndim == 2 && is_float32(view) && view->shape[1] == PROSODY_EGEMAPS_COLUMNS && (view->strides[1] == 4 || view->shape[0] == 0)) {
        if (view->shape[0] <= 1)
            return PROSODY_EGEMAPS_COLUMNS;
        if (view->strides[0] % 4 == 0 && view->strides[0] >= 4 * PROSODY_EGEMAPS_COLUMNS)
            return (size_t)view->strides[0] / 4;
    }
    PyErr_Format(PyExc_TypeError, "rows must be float32 of shape [n, %d], the floats of a row side by side and the rows in order", PROSODY_EGEMAPS_COLUMNS);
    PyBuffer_Release(view);
    return 0;
}

/* Gets a writable view of exactly `floats` float32; returns 0 with an exception and nothing to release when it is not that. */
static int get_output(PyObject *object, Py_buffer *view, size_t floats) {
    if (PyObject_GetBuffer(object, view, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE) < 0)
        return 0;
    if (is_float32(view) && (size_t)view->len == 4 * floats)
        return 1;
    PyErr_Format(PyExc_TypeError, "output must be %zu contiguous float32", floats);
    PyBuffer_Release(view);
    return 0;
}

static PyObject *functionals_add(FunctionalsObject *self, PyObject *object) {
    Py_buffer rows;
    const size_t stride = get_rows(object, &rows);
    if (stride == 0)
        return NULL;
    PyObject *result = NULL;
    if (enter(self)) {
        int code;
        Py_BEGIN_ALLOW_THREADS
        code = prosody_functionals_add(self->sums, rows.buf, stride, (size_t)rows.shape[0]);
        Py_END_ALLOW_THREADS
        leave(self);
        result = code < 0 ? raise_code(code) : Py_NewRef(Py_None);
    }
    PyBuffer_Release(&rows);
    return result;
}

static PyObject *functionals_read(FunctionalsObject *self, PyObject *object) {
    Py_buffer out;
    if (!get_output(object, &out, prosody_functional_count()))
        return NULL;
    PyObject *result = NULL;
    if (enter(self)) {
        int code;
        Py_BEGIN_ALLOW_THREADS
        code = prosody_functionals_read(self->sums, out.buf);
        Py_END_ALLOW_THREADS
        leave(self);
        result = code < 0 ? raise_code(code) : Py_NewRef(Py_None);
    }
    PyBuffer_Release(&out);
    return result;
}

static PyObject *functionals_reset(FunctionalsObject *self, PyObject *unused) {
    (void)unused;
    if (!enter(self))
        return NULL;
    prosody_functionals_reset(self->sums);
    leave(self);
    Py_RETURN_NONE;
}

static PyObject *functionals_bytes(FunctionalsObject *self, PyObject *unused) {
    (void)unused;
    return PyLong_FromSize_t(prosody_functionals_bytes(self->sums));
}

static PyObject *smooth_lld(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *input, *output;
    Py_buffer rows, out;
    if (!PyArg_ParseTuple(args, "OO", &input, &output))
        return NULL;
    const size_t stride = get_rows(input, &rows);
    if (stride == 0)
        return NULL;
    const size_t count = (size_t)rows.shape[0];
    PyObject *result = NULL;
    if (get_output(output, &out, count * (PROSODY_EGEMAPS_COLUMNS - 1))) {
        int code;
        Py_BEGIN_ALLOW_THREADS
        code = prosody_lld_smooth(rows.buf, stride, count, out.buf);
        Py_END_ALLOW_THREADS
        result = code < 0 ? raise_code(code) : Py_NewRef(Py_None);
        PyBuffer_Release(&out);
    }
    PyBuffer_Release(&rows);
    return result;
}

static PyMethodDef functionals_methods[] = {
    {"add", (PyCFunction)functionals_add, METH_O, "add(rows, /)\n--\n\nAdds rows, float32 [n, 26]."},
    {"read", (PyCFunction)functionals_read, METH_O, "read(out, /)\n--\n\nWrites the 88 figures of all rows so far into out."},
    {"reset", (PyCFunction)functionals_reset, METH_NOARGS, "reset()\n--\n\nBack to no rows."},
    {"bytes", (PyCFunction)functionals_bytes, METH_NOARGS, "bytes()\n--\n\nBytes of memory."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot functionals_slots[] = {
    {Py_tp_new, functionals_new},
    {Py_tp_dealloc, functionals_dealloc},
    {Py_tp_methods, functionals_methods},
    {Py_tp_doc, "Functionals(exact_frames)\n--\n\nThe functionals of one segment."},
    {0, NULL},
};

static PyType_Spec functionals_spec = {
    .name = "simpatico._core.Functionals",
    .basicsize = sizeof(FunctionalsObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = functionals_slots,
};

static PyMethodDef module_functions[] = {
    {"smooth_lld", smooth_lld, METH_VARARGS, "smooth_lld(rows, out, /)\n--\n\nWrites rows, smoothed, float32 [n, 25], into out."},
    {NULL, NULL, 0, NULL},
};

int add_functionals(PyObject *module) {
    if (PyModule_AddFunctions(module, module_functions) < 0 || add(module, "Functionals", PyType_FromModuleAndSpec(module, &functionals_spec, NULL)) < 0 ||
        add(module, "FUNCTIONAL_NAMES", strings(prosody_functional_name, 0)) < 0 || add(module, "FUNCTIONAL_UNITS", strings(prosody_functional_unit, 0)) < 0 ||
        add(module, "MIN_EXACT_FRAMES", PyLong_FromLong(PROSODY_FUNCTIONALS_MIN_EXACT)) < 0 ||
        add(module, "MAX_EXACT_FRAMES", PyLong_FromLong(PROSODY_FUNCTIONALS_MAX_EXACT)) < 0)
        return -1;
    return 0;
}
