/* binding.h - what the files of the Python binding share. */
#ifndef PROSODY_BINDING_H
#define PROSODY_BINDING_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* The one place that turns an error code into an exception. */
PyObject *raise_code(int code);

/* A tuple of the strings that `at` gives for 0, 1, ... until NULL. */
PyObject *strings(const char *(*at)(size_t), int available_only);

/* Adds a new reference, which it takes over, to the module; NULL passes an exception on. */
int add(PyObject *module, const char *name, PyObject *value);

/* state.c: adds State. */
int add_state(PyObject *module);

/* batch.c: advance(states, samples, new_rows). */
PyObject *advance(PyObject *module, PyObject *args);

/* functionals.c: adds Functionals, smooth_lld, FUNCTIONAL_NAMES and FUNCTIONAL_UNITS. */
int add_functionals(PyObject *module);

/* ranking.c: adds Names, expect and first_place. */
int add_ranking(PyObject *module);

#endif
