// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0

// The values that a serialization context makes and the core stores. Each knows its size and writes itself into memory
// at a multiple of 64 (layouts in unpack.c). Undefined bytes are zero, so equal values give equal objects.

#include "native.h"

typedef struct {
    PyObject_HEAD
    PyObject *metadata;
    PyObject *contained; // list of the ObjectRefs inside the value
    Py_buffer body;      // raw bytes, msgpack or in-band pickle; body.obj is null before `__init__`
    PyObject *next;      // msgpack: the pickled section or null; pickle: its Pickle5Writer
    Py_ssize_t total;
} serialized_object;

static PyTypeObject *base_type, *raw_type, *pack_type, *pickle_type;

static int fill(serialized_object *self, PyObject *metadata, PyObject *contained, PyObject *body, PyObject *next) {
    if (self->metadata != NULL) {
        // Another thread may be writing it, without the interpreter's lock.
        PyErr_SetString(PyExc_TypeError, "a serialized object is not changed");
        return -1;
    }
    self->total = -1; // until everything is in place
    self->metadata = Py_NewRef(metadata);
    self->next = Py_XNewRef(next);
    self->contained = contained == NULL || contained == Py_None ? PyList_New(0) : Py_NewRef(contained);
    if (self->contained == NULL) {
        return -1;
    }
    if (body != NULL && PyUnicode_Check(body)) {
        // A str is taken for its UTF-8, as Ray does.
        PyObject *bytes = PyUnicode_AsUTF8String(body);
        int status = bytes == NULL ? -1 : PyObject_GetBuffer(bytes, &self->body, PyBUF_SIMPLE);
        Py_XDECREF(bytes);
        return status;
    }
    return body == NULL ? 0 : PyObject_GetBuffer(body, &self->body, PyBUF_SIMPLE);
}

static int base_init(PyObject *object, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"metadata", "contained_object_refs", NULL};
    PyObject *metadata, *contained = NULL;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O|O:SerializedObject", names, &metadata, &contained)) {
        return -1;
    }
    return fill((serialized_object *)object, metadata, contained, NULL, NULL);
}

static int raw_init(PyObject *object, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"value", NULL};
    PyObject *value;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O:RawSerializedObject", names, &value)) {
        return -1;
    }
    serialized_object *self = (serialized_object *)object;
    PyObject *metadata = PyBytes_FromString("RAW");
    int status = metadata == NULL ? -1 : fill(self, metadata, NULL, value, NULL);
    Py_XDECREF(metadata);
    if (status == 0) {
        self->total = self->body.len;
    }
    return status;
}

static int pickle_init(PyObject *object, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"metadata", "inband", "writer", "contained_object_refs", NULL};
    PyObject *metadata, *in_band, *writer, *contained;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "OOO!O:Pickle5SerializedObject", names, &metadata, &in_band,
                                     writer_type, &writer, &contained)) {
        return -1;
    }
    serialized_object *self = (serialized_object *)object;
    if (fill(self, metadata, contained, in_band, writer) < 0) {
        return -1;
    }
    writer_close(writer);
    self->total = writer_total(writer, self->body.len);
    return 0;
}

static int pack_init(PyObject *object, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"metadata", "msgpack_data", "contained_object_refs", "nest_serialized_object", NULL};
    PyObject *metadata, *body, *contained, *nested = NULL;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "OOO|O:MessagePackSerializedObject", names, &metadata, &body,
                                     &contained, &nested)) {
        return -1;
    }
    nested = nested == Py_None ? NULL : nested;
    if (nested != NULL && !PyObject_TypeCheck(nested, base_type)) {
        PyErr_Format(PyExc_TypeError, "nest_serialized_object: expected a SerializedObject, got %R",
                     (PyObject *)Py_TYPE(nested));
        return -1;
    }
    serialized_object *self = (serialized_object *)object;
    if (fill(self, metadata, contained, body, nested) < 0) {
        return -1;
    }
    Py_ssize_t following = 0;
    if (nested != NULL) {
        PyObject *inner = ((serialized_object *)nested)->contained;
        following = serialized_size(nested);
        PyObject *done = following < 0 ? NULL : PyObject_CallMethod(self->contained, "extend", "O", inner);
        if (done == NULL) {
            return -1;
        }
        Py_DECREF(done);
    }
    self->total = HEADER_SIZE + self->body.len + following;
    return 0;
}

Py_ssize_t serialized_size(PyObject *object) {
    if (!PyObject_TypeCheck(object, base_type)) {
        PyErr_Format(PyExc_TypeError, "expected a SerializedObject, got %R", (PyObject *)Py_TYPE(object));
        return -1;
    }
    const serialized_object *self = (serialized_object *)object;
    if (self->body.obj == NULL || self->total < 0) {
        PyErr_SetString(PyExc_NotImplementedError, "SerializedObject.total_bytes not implemented.");
        return -1;
    }
    return self->total;
}

// The length as msgpack writes numbers, 9 bytes at most.
static void put_length(unsigned char *out, uint64_t length) {
    int count = length < 0x80 ? 0 : length <= UINT8_MAX ? 1 : length <= UINT16_MAX ? 2 : length <= UINT32_MAX ? 4 : 8;
    out[0] = count == 0 ? (unsigned char)length : count == 1 ? 0xcc : count == 2 ? 0xcd : count == 4 ? 0xce : 0xcf;
    for (int index = 0; index < count; index++) {
        out[count - index] = (unsigned char)(length >> 8 * index);
    }
}

int serialized_write(PyObject *object, void *memory) {
    if (serialized_size(object) < 0) {
        return -1;
    }
    serialized_object *self = (serialized_object *)object;
    unsigned char *out = memory;
    if (PyObject_TypeCheck(object, pickle_type)) {
        writer_write(self->next, self->body.buf, self->body.len, out);
        return 0;
    }
    if (PyObject_TypeCheck(object, pack_type)) {
        memset(out, 0, HEADER_SIZE);
        put_length(out, (uint64_t)self->body.len);
        out += HEADER_SIZE;
    }
    copy_bytes(out, self->body.buf, (size_t)self->body.len);
    return self->next == NULL ? 0 : serialized_write(self->next, out + self->body.len);
}

int serialized_write_aligned(PyObject *object, void *memory) {
    if ((uintptr_t)memory % ALIGNMENT != 0) {
        PyErr_Format(PyExc_ValueError, "an object is written at a multiple of 64, not at %p", memory);
        return -1;
    }
    return serialized_write(object, memory);
}

// write_to(target): an address, where the caller answers for the room, or a writable buffer. Returns the bytes written.
static PyObject *write_to(PyObject *object, PyObject *target) {
    Py_ssize_t size = serialized_size(object);
    if (size < 0) {
        return NULL;
    }
    if (PyLong_Check(target)) {
        void *address = PyLong_AsVoidPtr(target);
        bool is_wrong = address == NULL && PyErr_Occurred();
        return is_wrong || serialized_write_aligned(object, address) < 0 ? NULL : PyLong_FromSsize_t(size);
    }
    Py_buffer view;
    if (PyObject_GetBuffer(target, &view, PyBUF_WRITABLE) < 0) {
        return NULL;
    }
    int status = -1;
    if (view.len < size) {
        PyErr_Format(PyExc_ValueError, "write_to: the object has %zd bytes, the buffer %zd", size, view.len);
    } else {
        status = serialized_write(object, view.buf);
    }
    PyBuffer_Release(&view);
    return status < 0 ? NULL : PyLong_FromSsize_t(size);
}

// bytes begin where the allocator wants: fit to be read only if they carry no out-of-band buffers or are read in place.
static PyObject *to_bytes(PyObject *object, PyObject *unused) {
    Py_ssize_t size = serialized_size(object);
    PyObject *bytes = size < 0 ? NULL : PyBytes_FromStringAndSize(NULL, size);
    if (bytes != NULL && serialized_write(object, PyBytes_AsString(bytes)) < 0) {
        Py_CLEAR(bytes);
    }
    return bytes;
}

static PyObject *get_total(PyObject *object, void *unused) {
    Py_ssize_t size = serialized_size(object);
    return size < 0 ? NULL : PyLong_FromSsize_t(size);
}

static PyObject *get_metadata(PyObject *object, void *unused) {
    PyObject *metadata = ((serialized_object *)object)->metadata;
    return Py_NewRef(metadata == NULL ? Py_None : metadata);
}

static int set_metadata(PyObject *object, PyObject *metadata, void *unused) {
    if (metadata == NULL || !PyBytes_Check(metadata)) {
        PyErr_SetString(PyExc_TypeError, "metadata are bytes");
        return -1;
    }
    serialized_object *self = (serialized_object *)object;
    PyObject *old = self->metadata;
    self->metadata = Py_NewRef(metadata);
    Py_XDECREF(old);
    return 0;
}

static PyObject *get_contained(PyObject *object, void *unused) {
    PyObject *contained = ((serialized_object *)object)->contained;
    return Py_NewRef(contained == NULL ? Py_None : contained);
}

static void dealloc(PyObject *object) {
    serialized_object *self = (serialized_object *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyBuffer_Release(&self->body);
    Py_XDECREF(self->metadata);
    Py_XDECREF(self->contained);
    Py_XDECREF(self->next);
    freefunc release = PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

static PyObject *refuse_pickle(PyObject *object, PyObject *unused) {
    PyErr_SetString(PyExc_TypeError, "a serialized object is not pickled again");
    return NULL;
}

static PyMethodDef base_methods[] = {
    {"write_to", write_to, METH_O, "Writes the object to an address or a writable buffer; the number of bytes."},
    {"__reduce__", refuse_pickle, METH_NOARGS, "Refused: TypeError."},
    {NULL},
};
static PyMethodDef pack_methods[] = {{"to_bytes", to_bytes, METH_NOARGS, "The object as bytes."}, {NULL}};
static PyGetSetDef properties[] = {
    {"total_bytes", get_total, NULL, "The bytes that write_to writes."},
    {"metadata", get_metadata, set_metadata, "What kind of value it is, as bytes."},
    {"contained_object_refs", get_contained, NULL, "The ObjectRefs inside the value."},
    {NULL},
};
static PyType_Slot base_slots[] = {
    {Py_tp_new, PyType_GenericNew}, {Py_tp_init, base_init},      {Py_tp_dealloc, dealloc},
    {Py_tp_methods, base_methods},  {Py_tp_getset, properties},   {0, NULL},
};
static PyType_Slot raw_slots[] = {{Py_tp_init, raw_init}, {0, NULL}};
static PyType_Slot pickle_slots[] = {{Py_tp_init, pickle_init}, {0, NULL}};
static PyType_Slot pack_slots[] = {{Py_tp_init, pack_init}, {Py_tp_methods, pack_methods}, {0, NULL}};

// What a serialization context makes of the value, without asking it, where nothing can have been registered for it:
// bytes, and None, bool, int, float, str, list and dict of these themselves.
PyObject *serialize_plain(PyObject *module, PyObject *value) {
    bool is_raw = PyBytes_CheckExact(value);
    PyObject *body = is_raw ? Py_NewRef(value) : pack_plain(module, value);
    if (body == NULL || body == Py_None) {
        return body;
    }
    serialized_object *self = (serialized_object *)PyType_GenericAlloc(is_raw ? raw_type : pack_type, 0);
    PyObject *metadata = self == NULL ? NULL : PyBytes_FromString(is_raw ? "RAW" : "XLANG");
    if (metadata == NULL || fill(self, metadata, NULL, body, NULL) < 0) {
        Py_CLEAR(self);
    } else {
        self->total = self->body.len + (is_raw ? 0 : HEADER_SIZE);
    }
    Py_DECREF(body);
    Py_XDECREF(metadata);
    return (PyObject *)self;
}

static PyTypeObject *make(PyObject *module, const char *name, PyType_Slot *slots, PyTypeObject *base) {
    PyType_Spec spec = {name, sizeof(serialized_object), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
    return add_type(module, &spec, base);
}

int add_serialized(PyObject *module) {
    base_type = make(module, "ray._raylet.SerializedObject", base_slots, NULL);
    if (base_type == NULL) {
        return -1;
    }
    raw_type = make(module, "ray._raylet.RawSerializedObject", raw_slots, base_type);
    pickle_type = make(module, "ray._raylet.Pickle5SerializedObject", pickle_slots, base_type);
    pack_type = make(module, "ray._raylet.MessagePackSerializedObject", pack_slots, base_type);
    return raw_type == NULL || pickle_type == NULL || pack_type == NULL ? -1 : 0;
}
