// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0

// `SubBuffer`: one out-of-band buffer inside an object (the numbers of a numpy array). It keeps the whole object in its
// place and cannot be written.

#include "native.h"

PyTypeObject *sub_buffer_type;

enum { MOST_DIMENSIONS = 64 }; // PyBUF_MAX_NDIM

typedef struct {
    PyObject_HEAD
    Py_buffer parent;
    unsigned char *data;
    Py_ssize_t size;
    Py_ssize_t item_size;
    int dimensions;
    bool is_read_only;
    char *format;
    Py_ssize_t *shape; // then strides, in the same block
} sub_buffer;

static int read_varints(const unsigned char *bytes, size_t size, Py_ssize_t *out, int count) {
    for (int index = 0; index < count; index++) {
        uint64_t value = 0;
        int shift = 0;
        do {
            if (size == 0 || shift > 63) {
                return -1;
            }
            value |= (uint64_t)(*bytes & 0x7f) << shift;
            shift += 7;
            size -= 1;
        } while (*bytes++ & 0x80);
        out[index] = (Py_ssize_t)value;
    }
    return size == 0 ? 0 : -1;
}

// Whether the bytes are as many as the shape says and none that the strides reach lies outside, whatever the object
// says about it.
static bool fits(const sub_buffer *self) {
    Py_ssize_t low = 0, high = self->item_size, product = self->item_size;
    for (int index = 0; index < self->dimensions; index++) {
        Py_ssize_t reach, count = self->shape[index];
        if (count < 0 || __builtin_mul_overflow(product, count, &product)) {
            return false;
        }
        if (count > 0 && (__builtin_mul_overflow(count - 1, self->shape[self->dimensions + index], &reach) ||
                          __builtin_add_overflow(reach < 0 ? low : high, reach, reach < 0 ? &low : &high))) {
            return false;
        }
    }
    return self->item_size >= 0 && product == self->size && (product == 0 || (low >= 0 && high <= self->size));
}

PyObject *sub_buffer_make(PyObject *parent, const unsigned char *data, const struct buffer_record *record) {
    if (record->dimensions > MOST_DIMENSIONS) {
        PyErr_SetString(PyExc_ValueError, "a buffer of the object has more than 64 dimensions");
        return NULL;
    }
    sub_buffer *self = (sub_buffer *)PyType_GenericAlloc(sub_buffer_type, 0);
    if (self == NULL || PyObject_GetBuffer(parent, &self->parent, PyBUF_SIMPLE) < 0) {
        Py_XDECREF((PyObject *)self);
        return NULL;
    }
    self->data = (unsigned char *)data;
    self->size = (Py_ssize_t)record->length;
    self->item_size = (Py_ssize_t)record->item_size;
    self->dimensions = (int)record->dimensions;
    self->is_read_only = record->is_read_only;
    self->format = PyMem_Calloc(record->format_size + 1, 1);
    self->shape = PyMem_Calloc(2 * record->dimensions + 1, sizeof *self->shape);
    if (self->format == NULL || self->shape == NULL) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    if (record->format_size > 0) {
        memcpy(self->format, record->format, record->format_size);
    }
    if (read_varints(record->shape, record->shape_size, self->shape, self->dimensions) < 0 ||
        read_varints(record->strides, record->strides_size, self->shape + self->dimensions, self->dimensions) < 0 ||
        !fits(self)) {
        Py_DECREF(self);
        PyErr_SetString(PyExc_ValueError, "the shape of a buffer of the object does not match its bytes");
        return NULL;
    }
    return (PyObject *)self;
}

// SubBuffer(buffer): a read-only view of any bytes-like object.
static PyObject *sub_buffer_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    PyObject *parent;
    if (!PyArg_ParseTuple(arguments, "O:SubBuffer", &parent)) {
        return NULL;
    }
    Py_buffer view;
    if (PyObject_GetBuffer(parent, &view, PyBUF_SIMPLE) < 0) {
        return NULL;
    }
    uint64_t length = (uint64_t)view.len;
    unsigned char shape[10], stride = 1;
    size_t shape_size = 0;
    for (; length > 0x7f; length >>= 7) {
        shape[shape_size++] = (unsigned char)(length | 0x80);
    }
    shape[shape_size++] = (unsigned char)length;
    struct buffer_record record = {.length = (uint64_t)view.len, .item_size = 1, .dimensions = 1, .is_read_only = true,
                                   .format = (const unsigned char *)"B", .format_size = 1, .shape = shape,
                                   .shape_size = shape_size, .strides = &stride, .strides_size = 1};
    PyObject *result = sub_buffer_make(parent, view.buf, &record);
    PyBuffer_Release(&view);
    return result;
}

static void sub_buffer_dealloc(PyObject *object) {
    sub_buffer *self = (sub_buffer *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyBuffer_Release(&self->parent);
    PyMem_Free(self->format);
    PyMem_Free(self->shape);
    freefunc release = PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

static int sub_buffer_view(PyObject *object, Py_buffer *view, int flags) {
    sub_buffer *self = (sub_buffer *)object;
    if ((flags & PyBUF_WRITABLE) == PyBUF_WRITABLE && self->is_read_only) {
        view->obj = NULL;
        PyErr_SetString(PyExc_BufferError, "an object in the store is never changed: its buffers are read-only");
        return -1;
    }
    *view = (Py_buffer){
        .buf = self->data,
        .obj = Py_NewRef(object),
        .len = self->size,
        .itemsize = self->item_size,
        .readonly = self->is_read_only,
        .ndim = self->dimensions,
        .format = (flags & PyBUF_FORMAT) == PyBUF_FORMAT ? self->format : NULL,
        .shape = (flags & PyBUF_ND) == PyBUF_ND ? self->shape : NULL,
        .strides = (flags & PyBUF_STRIDES) == PyBUF_STRIDES ? self->shape + self->dimensions : NULL,
    };
    return 0;
}

static Py_ssize_t sub_buffer_length(PyObject *object) {
    sub_buffer *self = (sub_buffer *)object;
    return self->item_size == 0 ? 0 : self->size / self->item_size;
}

static PyObject *sub_buffer_bytes(PyObject *object, void *unused) {
    return PyLong_FromSsize_t(((sub_buffer *)object)->size);
}

static PyObject *sub_buffer_read_only(PyObject *object, void *unused) {
    return PyLong_FromLong(((sub_buffer *)object)->is_read_only);
}

static PyObject *sub_buffer_to_bytes(PyObject *object, PyObject *unused) {
    sub_buffer *self = (sub_buffer *)object;
    return PyBytes_FromStringAndSize((const char *)self->data, self->size);
}

static PyObject *refuse_pickle(PyObject *object, PyObject *unused) {
    PyErr_SetString(PyExc_TypeError, "a SubBuffer is memory of this process and cannot be pickled");
    return NULL;
}

static PyMethodDef methods[] = {
    {"tobytes", sub_buffer_to_bytes, METH_NOARGS, "A copy as bytes."},
    {"__reduce__", refuse_pickle, METH_NOARGS, "Refused: TypeError."},
    {NULL},
};
static PyGetSetDef properties[] = {
    {"nbytes", sub_buffer_bytes, NULL, "The number of bytes."},
    {"readonly", sub_buffer_read_only, NULL, "1 if it cannot be written."},
    {NULL},
};
static PyType_Slot slots[] = {
    {Py_tp_new, sub_buffer_new},           {Py_tp_dealloc, sub_buffer_dealloc},
    {Py_tp_methods, methods},              {Py_tp_getset, properties},
    {Py_bf_getbuffer, sub_buffer_view},    {Py_sq_length, sub_buffer_length},
    {Py_tp_doc, "A read-only part of an object; it keeps the object in its place."}, {0, NULL},
};
static PyType_Spec spec = {"ray._raylet.SubBuffer", sizeof(sub_buffer), 0, Py_TPFLAGS_DEFAULT, slots};

PyTypeObject *make_sub_buffer_type(PyObject *module) { return add_type(module, &spec, NULL); }
