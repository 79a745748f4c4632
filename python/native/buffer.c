// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0

// `Buffer`: the memory of one object, in the store or in this process. While it or a view of it lives, the memory
// stays where it is; then its owner is told.

#include "native.h"

#include <stdlib.h>

PyTypeObject *buffer_type;

typedef struct {
    PyObject_HEAD
    void *data;
    Py_ssize_t size;
    void (*release)(void *context);
    void *context;
} buffer_object;

PyObject *buffer_make(const void *data, size_t size, void (*release)(void *context), void *context) {
    buffer_object *self = (buffer_object *)PyType_GenericAlloc(buffer_type, 0);
    if (self == NULL) {
        if (release != NULL) {
            release(context);
        }
        return NULL;
    }
    self->data = (void *)data;
    self->size = (Py_ssize_t)size;
    self->release = release;
    self->context = context;
    return (PyObject *)self;
}

// A block of its own, aligned as objects must be, with a copy of the bytes.
static PyObject *buffer_copy(PyObject *type, PyObject *source) {
    Py_buffer view;
    if (PyObject_GetBuffer(source, &view, PyBUF_SIMPLE) < 0) {
        return NULL;
    }
    size_t room = ((size_t)view.len + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    void *block = aligned_alloc(ALIGNMENT, room == 0 ? ALIGNMENT : room);
    PyObject *buffer = NULL;
    if (block == NULL) {
        PyErr_NoMemory();
    } else {
        copy_bytes(block, view.buf, (size_t)view.len);
        buffer = buffer_make(block, (size_t)view.len, free, block);
    }
    PyBuffer_Release(&view);
    return buffer;
}

static PyObject *buffer_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    return buffer_make(NULL, 0, NULL, NULL);
}

static void buffer_dealloc(PyObject *object) {
    buffer_object *self = (buffer_object *)object;
    PyTypeObject *type = Py_TYPE(object);
    if (self->release != NULL) {
        self->release(self->context);
    }
    freefunc release = PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

// Writable, as Ray's is: what must not change is given out as a `SubBuffer`.
static int buffer_view(PyObject *object, Py_buffer *view, int flags) {
    buffer_object *self = (buffer_object *)object;
    static char nothing;
    return PyBuffer_FillInfo(view, object, self->data == NULL ? &nothing : self->data, self->size, 0, flags);
}

static Py_ssize_t buffer_length(PyObject *object) { return ((buffer_object *)object)->size; }

static PyObject *buffer_size(PyObject *object, void *unused) {
    return PyLong_FromSsize_t(((buffer_object *)object)->size);
}

static PyObject *buffer_to_bytes(PyObject *object, PyObject *unused) {
    buffer_object *self = (buffer_object *)object;
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, self->size);
    if (bytes != NULL) {
        copy_bytes((unsigned char *)PyBytes_AsString(bytes), self->data, (size_t)self->size);
    }
    return bytes;
}

static PyObject *refuse_pickle(PyObject *object, PyObject *unused) {
    PyErr_SetString(PyExc_TypeError, "a Buffer is memory of this process and cannot be pickled");
    return NULL;
}

static PyMethodDef methods[] = {
    {"copy_of", buffer_copy, METH_O | METH_CLASS, "A Buffer of its own with the bytes of any bytes-like object."},
    {"to_pybytes", buffer_to_bytes, METH_NOARGS, "A copy as bytes."},
    {"__reduce__", refuse_pickle, METH_NOARGS, "Refused: TypeError."},
    {NULL},
};
static PyGetSetDef properties[] = {{"size", buffer_size, NULL, "The number of bytes."}, {NULL}};
static PyType_Slot slots[] = {
    {Py_tp_new, buffer_new},           {Py_tp_dealloc, buffer_dealloc},
    {Py_tp_methods, methods},          {Py_tp_getset, properties},
    {Py_bf_getbuffer, buffer_view},    {Py_sq_length, buffer_length},
    {Py_tp_doc, "The memory of an object; it stays where it is while views of it live."}, {0, NULL},
};
static PyType_Spec spec = {"ray._raylet.Buffer", sizeof(buffer_object), 0, Py_TPFLAGS_DEFAULT, slots};

int add_buffers(PyObject *module) {
    buffer_type = add_type(module, &spec, NULL);
    sub_buffer_type = buffer_type == NULL ? NULL : make_sub_buffer_type(module);
    writer_type = sub_buffer_type == NULL ? NULL : make_writer_type(module);
    return writer_type == NULL ? -1 : 0;
}
