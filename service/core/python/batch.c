/* batch.c - advance: many streams in one call. */
#include "state.h"

/* Everything that one stream brings to a batch. */
typedef struct {
    StateObject *self;
    PyObject *rows;             /* what the caller gets */
    Py_buffer samples, out;     /* .obj is NULL until they are taken */
    size_t done, written, due;
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
        Py_XDECREF(entry->rows);
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

/* Room for the rows that one stream is going to give; -1 with an exception. */
static int batch_make_room(BatchEntry *entry, PyObject *new_rows) {
    const ptrdiff_t due = prosody_frames_after(entry->self->state, (size_t)(entry->samples.len / entry->samples.itemsize));
    if (due < 0) {
        raise_code((int)due);
        return -1;
    }
    entry->due = (size_t)due;
    entry->rows = PyObject_CallFunction(new_rows, "((nn))", (Py_ssize_t)due, (Py_ssize_t)entry->self->columns);
    if (entry->rows == NULL || PyObject_GetBuffer(entry->rows, &entry->out, PyBUF_WRITABLE | PyBUF_C_CONTIGUOUS) < 0)
        return -1;
    if ((size_t)entry->out.len != entry->due * entry->self->columns * sizeof(float)) {
        PyErr_SetString(PyExc_ValueError, "new_rows must give float32 of the shape that it is called with");
        return -1;
    }
    return 0;
}

/* Takes hold of one stream's state and buffers; -1 with an exception. */
static int batch_enter(BatchEntry *entry, PyTypeObject *type, PyObject *state, PyObject *samples, PyObject *new_rows) {
    if (!PyObject_TypeCheck(state, type)) {
        PyErr_SetString(PyExc_TypeError, "advance takes a list of State");
        return -1;
    }
    if (!enter((StateObject *)state))
        return -1;
    entry->self = (StateObject *)Py_NewRef(state);
    if (PyObject_GetBuffer(samples, &entry->samples, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS) < 0)
        return -1;
    if (buffer_kind(&entry->samples) != 'f') {
        PyErr_SetString(PyExc_TypeError, "samples must be one-dimensional, contiguous float32");
        return -1;
    }
    return batch_make_room(entry, new_rows);
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
            const ptrdiff_t got = prosody_read(batch->states[i], (float *)entry->out.buf + entry->written * entry->self->columns, entry->due - entry->written);
            entry->written += (size_t)got;
            moved += batch->counts[i] + (size_t)got;
            left -= batch->counts[i];
        }
        if (left == 0)
            return PROSODY_OK;
        if (moved == 0)
            return PROSODY_ERR_ARGUMENT; /* never: there is room for every row that is due */
    }
}

static PyObject *batch_rows(const Batch *batch) {
    PyObject *list = PyList_New(batch->n);
    for (Py_ssize_t i = 0; list != NULL && i < batch->n; i++)
        if (PyList_SetItem(list, i, Py_NewRef(batch->entries[i].rows)) < 0)
            Py_CLEAR(list);
    return list;
}

/* advance(states, samples, new_rows): lists of one length, and what makes an array of a shape. */
PyObject *advance(PyObject *module, PyObject *args) {
    PyObject *states, *samples, *new_rows, *result = NULL, *type = NULL;
    Batch batch = {0};
    size_t refused = 0;
    int code = PROSODY_OK;
    if (!PyArg_ParseTuple(args, "O!O!O", &PyList_Type, &states, &PyList_Type, &samples, &new_rows))
        return NULL;
    const Py_ssize_t n = PyList_Size(states);
    if (PyList_Size(samples) != n) {
        PyErr_SetString(PyExc_ValueError, "states and samples must be lists of one length");
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
        if (batch_enter(&batch.entries[i], (PyTypeObject *)type, PyList_GetItem(states, i), PyList_GetItem(samples, i), new_rows) < 0)
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
        result = batch_rows(&batch);
    }
done:
    batch_release(&batch);
    Py_XDECREF(type);
    return result;
}
