/* _core.c - Python's view of the C core: a module that mirrors prosody.h, ranking.h and candidates.h. Buffers in, buffers out; no NumPy C API; limited API of Python 3.11. */
#include "binding.h"

#include "prosody.h"

PyObject *raise_code(int code) {
    PyObject *type = code == PROSODY_ERR_MEMORY     ? PyExc_MemoryError
                     : code == PROSODY_ERR_FINISHED ? PyExc_RuntimeError
                                                    : PyExc_ValueError;
    PyErr_SetString(type, prosody_strerror(code));
    return NULL;
}

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

/* Names or units of a set's columns. */
static PyObject *column_texts(const char *(*at)(uint32_t, size_t), uint32_t sets) {
    PyObject *tuple = PyTuple_New((Py_ssize_t)prosody_columns(sets));
    for (size_t i = 0; tuple != NULL && i < prosody_columns(sets); i++) {
        PyObject *text = PyUnicode_FromString(at(sets, i));
        if (text == NULL || PyTuple_SetItem(tuple, (Py_ssize_t)i, text) < 0)
            Py_CLEAR(tuple);
    }
    return tuple;
}

static int module_exec(PyObject *module) {
    if (add_state(module) < 0 || add_functionals(module) < 0 || add_ranking(module) < 0 ||
        add(module, "COLUMNS", column_texts(prosody_column_name, PROSODY_SET_SIGNALS)) < 0 ||
        add(module, "UNITS", column_texts(prosody_column_unit, PROSODY_SET_SIGNALS)) < 0 ||
        add(module, "EGEMAPS_COLUMNS", column_texts(prosody_column_name, PROSODY_SET_EGEMAPS)) < 0 ||
        add(module, "EGEMAPS_UNITS", column_texts(prosody_column_unit, PROSODY_SET_EGEMAPS)) < 0 ||
        add(module, "SET_SIGNALS", PyLong_FromLong(PROSODY_SET_SIGNALS)) < 0 || add(module, "SET_EGEMAPS", PyLong_FromLong(PROSODY_SET_EGEMAPS)) < 0 ||
        add(module, "SIMD_NAMES", strings(prosody_simd_name, 0)) < 0 || add(module, "SIMD_AVAILABLE", strings(prosody_simd_name, 1)) < 0 ||
        add(module, "VERSION", PyUnicode_FromString(prosody_version())) < 0 || add(module, "COMPILER", PyUnicode_FromString(__VERSION__)) < 0 ||
        add(module, "LATENCY_FRAMES", PyLong_FromSize_t(prosody_latency_frames(PROSODY_SET_SIGNALS))) < 0 ||
        add(module, "EGEMAPS_LATENCY_FRAMES", PyLong_FromSize_t(prosody_latency_frames(PROSODY_SET_EGEMAPS))) < 0 ||
        add(module, "MAX_ABS", PyFloat_FromDouble(PROSODY_MAX_ABS)) < 0)
        return -1;
    return 0;
}

static PyMethodDef module_methods[] = {
    {"advance", advance, METH_VARARGS,
     "advance(states, samples, new_rows, /)\n--\n\nPushes float32 samples to many states at once; returns the rows of each, in what new_rows(shape) made for them."},
    {NULL, NULL, 0, NULL},
};

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
    .m_methods = module_methods,
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit__core(void) {
    return PyModuleDef_Init(&module);
}
