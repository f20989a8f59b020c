/* batch.c - advance: many streams in one call. */
#include "state.h"

/* Everything that one stream brings to a batch. */
typedef struct {
    StateObject *self;
    Py_buffer samples, out;     /* .obj is NULL until they are taken */
    size_t done, written, max_rows;
} BatchEntry;

typedef struct {
    BatchEntry *entries;
    prosody_state **states;
    const float **samples;
    size_t *counts;
    Py_ssize_t n;
} Batch;

static void batch_release(Batch *batch) {
    for (Py_ssize_t i = 0; batch->entries != NULL && i < batch->n; i++) {
        BatchEntry *entry = &batch->entries[i];
        if (entry->samples.obj != NULL)
            PyBuffer_Release(&entry->samples);
        if (entry->out.obj != NULL)
            PyBuffer_Release(&entry->out);
        if (entry->self != NULL) {
            leave(entry->self);
            Py_DECREF(entry->self);
        }
    }
    PyMem_Free(batch->entries);
    PyMem_Free(batch->states);
    PyMem_Free(batch->samples);
    PyMem_Free(batch->counts);
}

/* Takes hold of one stream's state and buffers; -1 with an exception. */
static int batch_enter(BatchEntry *entry, PyTypeObject *type, PyObject *state, PyObject *samples, PyObject *out) {
    if (!PyObject_TypeCheck(state, type)) {
        PyErr_SetString(PyExc_TypeError, "advance takes a list of State");
        return -1;
    }
    if (!enter((StateObject *)state))
        return -1;
    entry->self = (StateObject *)Py_NewRef(state);
    if (PyObject_GetBuffer(samples, &entry->samples, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS) < 0 || PyObject_GetBuffer(out, &entry->out, PyBUF_WRITABLE | PyBUF_C_CONTIGUOUS) < 0)
        return -1;
    if (buffer_kind(&entry->samples) != 'f') {
        PyErr_SetString(PyExc_TypeError, "samples must be one-dimensional, contiguous float32");
        return -1;
    }
    const Py_ssize_t rows = output_rows(entry->self, &entry->out);
    entry->max_rows = (size_t)rows;
    return rows < 0 ? -1 : 0;
}

/* Advances all streams until their samples are taken; returns an error or 0. */
static int batch_run(Batch *batch, size_t *refused) {
    const size_t n = (size_t)batch->n;
    for (size_t i = 0; i < n; i++) {
        const BatchEntry *entry = &batch->entries[i];
        const size_t count = (size_t)(entry->samples.len / entry->samples.itemsize);
        *refused = i;
        if (prosody_find_bad(entry->samples.buf, count) < count)
            return PROSODY_ERR_SAMPLE;
    }
    for (;;) {
        size_t left = 0, moved = 0;
        for (size_t i = 0; i < n; i++) {
            const BatchEntry *entry = &batch->entries[i];
            batch->counts[i] = (size_t)(entry->samples.len / entry->samples.itemsize) - entry->done;
            batch->samples[i] = (const float *)entry->samples.buf + entry->done;
            left += batch->counts[i];
        }
        const int code = prosody_advance(batch->states, batch->samples, batch->counts, n, refused);
        if (code < 0)
            return code;
        for (size_t i = 0; i < n; i++) {
            BatchEntry *entry = &batch->entries[i];
            entry->done += batch->counts[i];
            const ptrdiff_t got =
                prosody_read(batch->states[i], (float *)entry->out.buf + entry->written * entry->self->columns, entry->max_rows - entry->written);
            entry->written += (size_t)got;
            moved += batch->counts[i] + (size_t)got;
            left -= batch->counts[i];
        }
        if (left == 0)
            return PROSODY_OK;
        if (moved == 0)
            return PROSODY_ERR_ARGUMENT; /* an output is too small */
    }
}

static PyObject *batch_written(const Batch *batch) {
    PyObject *list = PyList_New(batch->n);
    for (Py_ssize_t i = 0; list != NULL && i < batch->n; i++) {
        PyObject *count = PyLong_FromSize_t(batch->entries[i].written);
        if (count == NULL || PyList_SetItem(list, i, count) < 0)
            Py_CLEAR(list);
    }
    return list;
}

/* advance(states, samples, outs): lists of one length. */
PyObject *advance(PyObject *module, PyObject *args) {
    PyObject *states, *samples, *outs, *result = NULL, *type = NULL;
    Batch batch = {0};
    size_t refused = 0;
    int code = PROSODY_OK;
    if (!PyArg_ParseTuple(args, "O!O!O!", &PyList_Type, &states, &PyList_Type, &samples, &PyList_Type, &outs))
        return NULL;
    const Py_ssize_t n = PyList_Size(states);
    if (PyList_Size(samples) != n || PyList_Size(outs) != n) {
        PyErr_SetString(PyExc_ValueError, "states, samples and outs must be lists of one length");
        return NULL;
    }
    const size_t slots = n == 0 ? 1 : (size_t)n;
    batch.entries = PyMem_Calloc(slots, sizeof *batch.entries);
    batch.states = PyMem_Calloc(slots, sizeof *batch.states);
    batch.samples = PyMem_Calloc(slots, sizeof *batch.samples);
    batch.counts = PyMem_Calloc(slots, sizeof *batch.counts);
    type = PyObject_GetAttrString(module, "State");
    if (batch.entries == NULL || batch.states == NULL || batch.samples == NULL || batch.counts == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    if (type == NULL)
        goto done;
    for (; batch.n < n; ) {
        const Py_ssize_t i = batch.n++;
        if (batch_enter(&batch.entries[i], (PyTypeObject *)type, PyList_GetItem(states, i), PyList_GetItem(samples, i), PyList_GetItem(outs, i)) < 0)
            goto done;
        batch.states[i] = batch.entries[i].self->state;
    }
    Py_BEGIN_ALLOW_THREADS
    code = batch_run(&batch, &refused);
    Py_END_ALLOW_THREADS
    if (code < 0) {
        PyObject *value = Py_BuildValue("(sn)", prosody_strerror(code), (Py_ssize_t)refused);
        PyErr_SetObject(code == PROSODY_ERR_FINISHED ? PyExc_RuntimeError : PyExc_ValueError, value);
        Py_XDECREF(value);
    } else {
        result = batch_written(&batch);
    }
done:
    batch_release(&batch);
    Py_XDECREF(type);
    return result;
}
