// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0

// `Pickle5Writer`: collects the out-of-band buffers of one pickle and writes them behind it (layout in unpack.c).

#include "native.h"

#include "copy.h"

enum { SECTION_HEADER_SIZE = 16, LARGE_BUFFER = 2048, SMALL_ALIGNMENT = 8, RELEASES_LOCK = 65536 };

PyTypeObject *writer_type;

typedef struct {
    PyObject_HEAD
    // Each where it was filled in: of some objects shape and strides lie inside of it.
    Py_buffer **views;
    uint64_t *offsets;
    Py_ssize_t count;
    Py_ssize_t room;
    uint64_t area;  // bytes of all buffers with the gaps between them
    bool is_closed; // its object has been made and knows its size
} writer_object;

// The interpreter may go on while much is copied.
void copy_bytes(unsigned char *target, const void *source, size_t size) {
    if (size < RELEASES_LOCK) {
        if (size > 0) {
            memcpy(target, source, size);
        }
        return;
    }
    Py_BEGIN_ALLOW_THREADS
    ray_copy(target, source, size);
    Py_END_ALLOW_THREADS
}

static size_t varint_size(uint64_t value) {
    size_t size = 1;
    for (; value > 0x7f; value >>= 7) {
        size += 1;
    }
    return size;
}

static unsigned char *put_varint(unsigned char *out, uint64_t value) {
    for (; value > 0x7f; value >>= 7) {
        *out++ = (unsigned char)(value | 0x80);
    }
    *out++ = (unsigned char)value;
    return out;
}

// A number as a field of protobuf; zero is left out.
static size_t field_size(uint64_t value) { return value == 0 ? 0 : 1 + varint_size(value); }

static unsigned char *put_field(unsigned char *out, int field, uint64_t value) {
    if (value != 0) {
        *out++ = (unsigned char)(field << 3);
        out = put_varint(out, value);
    }
    return out;
}

static size_t packed_size(const Py_ssize_t *values, int count) {
    size_t size = 0;
    for (int index = 0; index < count; index++) {
        size += varint_size((uint64_t)values[index]);
    }
    return size;
}

static size_t part_size(size_t size) { return size == 0 ? 0 : 1 + varint_size(size) + size; }

static unsigned char *put_packed(unsigned char *out, int field, const Py_ssize_t *values, int count) {
    size_t size = packed_size(values, count);
    if (size > 0) {
        *out++ = (unsigned char)(field << 3 | 2);
        out = put_varint(out, size);
    }
    for (int index = 0; index < count; index++) {
        out = put_varint(out, (uint64_t)values[index]);
    }
    return out;
}

static const char *format_of(const Py_buffer *view) { return view->format == NULL ? "B" : view->format; }

static size_t record_size(const Py_buffer *view, uint64_t offset) {
    return field_size(offset) + field_size((uint64_t)view->len) + field_size((uint64_t)view->itemsize) +
           field_size((uint64_t)view->ndim) + field_size(1) + part_size(strlen(format_of(view))) +
           part_size(packed_size(view->shape, view->ndim)) + part_size(packed_size(view->strides, view->ndim));
}

static unsigned char *put_record(unsigned char *out, const Py_buffer *view, uint64_t offset) {
    size_t format_size = strlen(format_of(view));
    out = put_field(out, 1, offset);
    out = put_field(out, 2, (uint64_t)view->len);
    out = put_field(out, 3, (uint64_t)view->itemsize);
    out = put_field(out, 4, (uint64_t)view->ndim);
    out = put_field(out, 5, 1); // what is stored is never changed
    *out++ = 6 << 3 | 2;
    out = put_varint(out, format_size);
    memcpy(out, format_of(view), format_size);
    out = put_packed(out + format_size, 7, view->shape, view->ndim);
    return put_packed(out, 8, view->strides, view->ndim);
}

static size_t description_size(const writer_object *self, Py_ssize_t in_band) {
    size_t size = field_size((uint64_t)in_band) + field_size(self->area);
    for (Py_ssize_t index = 0; index < self->count; index++) {
        size += part_size(record_size(self->views[index], self->offsets[index]));
    }
    return size;
}

Py_ssize_t writer_total(PyObject *writer, Py_ssize_t in_band) {
    const writer_object *self = (writer_object *)writer;
    Py_ssize_t size = SECTION_HEADER_SIZE + in_band + (Py_ssize_t)description_size(self, in_band);
    return self->area == 0 ? size : size + ALIGNMENT + (Py_ssize_t)self->area;
}

void writer_close(PyObject *writer) { ((writer_object *)writer)->is_closed = true; }

// Writes `writer_total` bytes; those between and behind the buffers are zero.
void writer_write(PyObject *writer, const unsigned char *in_band, Py_ssize_t in_band_size, unsigned char *memory) {
    const writer_object *self = (writer_object *)writer;
    unsigned char *end = memory + writer_total(writer, in_band_size);
    int64_t sizes[2] = {in_band_size, (int64_t)description_size(self, in_band_size)};
    memcpy(memory, sizes, sizeof sizes);
    memory += sizeof sizes;
    copy_bytes(memory, in_band, (size_t)in_band_size);
    memory = put_field(memory + in_band_size, 1, (uint64_t)in_band_size);
    memory = put_field(memory, 2, self->area);
    for (Py_ssize_t index = 0; index < self->count; index++) {
        *memory++ = 3 << 3 | 2;
        memory = put_varint(memory, record_size(self->views[index], self->offsets[index]));
        memory = put_record(memory, self->views[index], self->offsets[index]);
    }
    unsigned char *area = (unsigned char *)(((uintptr_t)memory + ALIGNMENT - 1) & ~(uintptr_t)(ALIGNMENT - 1));
    for (Py_ssize_t index = 0; self->area > 0 && index < self->count; index++) {
        unsigned char *place = area + self->offsets[index];
        memset(memory, 0, (size_t)(place - memory));
        copy_bytes(place, self->views[index]->buf, (size_t)self->views[index]->len);
        memory = place + self->views[index]->len;
    }
    memset(memory, 0, (size_t)(end - memory));
}

static int make_room(writer_object *self) {
    if (self->count < self->room) {
        return 0;
    }
    Py_ssize_t room = self->room == 0 ? 4 : 2 * self->room;
    void *views = PyMem_Realloc(self->views, (size_t)room * sizeof *self->views);
    if (views != NULL) {
        self->views = views;
    }
    void *offsets = views == NULL ? NULL : PyMem_Realloc(self->offsets, (size_t)room * sizeof *self->offsets);
    if (offsets == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    self->offsets = offsets;
    self->room = room;
    return 0;
}

static void free_view(Py_buffer *view) {
    PyBuffer_Release(view);
    PyMem_Free(view);
}

// The callback that pickle wants: takes the buffer out of band.
static PyObject *take_buffer(PyObject *object, PyObject *buffer) {
    writer_object *self = (writer_object *)object;
    if (self->is_closed) {
        PyErr_SetString(PyExc_ValueError, "the object of this Pickle5Writer has been made already");
        return NULL;
    }
    if (make_room(self) < 0) {
        return NULL;
    }
    Py_buffer *view = PyMem_Calloc(1, sizeof *view);
    if (view == NULL) {
        return PyErr_NoMemory();
    }
    if (PyObject_GetBuffer(buffer, view, PyBUF_FULL_RO) < 0) {
        PyMem_Free(view);
        return NULL;
    }
    if (!PyBuffer_IsContiguous(view, 'A')) {
        free_view(view);
        PyErr_SetString(PyExc_BufferError, "a buffer that is not contiguous cannot be stored out of band");
        return NULL;
    }
    self->views[self->count] = view;
    uint64_t alignment = view->len < LARGE_BUFFER ? SMALL_ALIGNMENT : ALIGNMENT;
    self->offsets[self->count] = (self->area + alignment - 1) / alignment * alignment;
    self->area = self->offsets[self->count] + (uint64_t)view->len;
    self->count += 1;
    Py_RETURN_NONE;
}

static PyObject *get_total_bytes(PyObject *object, PyObject *in_band) {
    Py_buffer view;
    if (PyObject_GetBuffer(in_band, &view, PyBUF_SIMPLE) < 0) {
        return NULL;
    }
    Py_ssize_t total = writer_total(object, view.len);
    PyBuffer_Release(&view);
    return PyLong_FromSsize_t(total);
}

static void writer_dealloc(PyObject *object) {
    writer_object *self = (writer_object *)object;
    PyTypeObject *type = Py_TYPE(object);
    for (Py_ssize_t index = 0; index < self->count; index++) {
        free_view(self->views[index]);
    }
    PyMem_Free(self->views);
    PyMem_Free(self->offsets);
    freefunc release = PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    {"buffer_callback", take_buffer, METH_O, "Takes a PickleBuffer out of band; None tells pickle so."},
    {"get_total_bytes", get_total_bytes, METH_O, "The bytes of the section with this in-band pickle."},
    {NULL},
};
static PyType_Slot slots[] = {
    {Py_tp_new, PyType_GenericNew}, {Py_tp_dealloc, writer_dealloc}, {Py_tp_methods, methods},
    {Py_tp_doc, "Collects the out-of-band buffers of a pickle."}, {0, NULL},
};
static PyType_Spec spec = {"ray._raylet.Pickle5Writer", sizeof(writer_object), 0, Py_TPFLAGS_DEFAULT, slots};

PyTypeObject *make_writer_type(PyObject *module) { return add_type(module, &spec, NULL); }
