// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0

// Values to msgpack, as Ray has them: only None, bool, int of 64 bits, float, str, bytes, list and dict themselves, no
// subclasses. Anything else, with a serializer, becomes its number in the pickled section: extension 101 with an int.

#include "native.h"

enum { PYTHON_EXTENSION = 101, DEEPEST = 1024, FIRST_ROOM = 512 };

typedef struct {
    unsigned char *bytes;
    size_t size, room;
    unsigned char first[FIRST_ROOM];
    PyObject *serializer; // null: foreign values are refused
    bool is_plain;        // the first foreign value ends it, without an exception
    bool met_foreign;
} packer;

static int pack_value(packer *out, PyObject *value, int depth);

static unsigned char *reserve(packer *out, size_t size) {
    if (out->room - out->size < size) {
        size_t room = 2 * out->room + size;
        unsigned char *bytes = PyMem_Realloc(out->bytes == out->first ? NULL : out->bytes, room);
        if (bytes == NULL) {
            PyErr_NoMemory();
            return NULL;
        }
        if (out->bytes == out->first) {
            memcpy(bytes, out->first, out->size);
        }
        out->bytes = bytes;
        out->room = room;
    }
    unsigned char *place = out->bytes + out->size;
    out->size += size;
    return place;
}

// A type byte and a number of `width` bytes behind it, most significant first.
static int put(packer *out, unsigned char type, uint64_t number, int width) {
    unsigned char *place = reserve(out, 1 + (size_t)width);
    if (place == NULL) {
        return -1;
    }
    place[0] = type;
    for (int index = 0; index < width; index++) {
        place[width - index] = (unsigned char)(number >> 8 * index);
    }
    return 0;
}

static int put_bytes(packer *out, const void *bytes, size_t size) {
    unsigned char *place = reserve(out, size);
    if (place == NULL) {
        return -1;
    }
    memcpy(place, bytes, size);
    return 0;
}

static int put_unsigned(packer *out, uint64_t value) {
    if (value < 0x80) {
        return put(out, (unsigned char)value, 0, 0);
    }
    return value <= UINT8_MAX    ? put(out, 0xcc, value, 1)
           : value <= UINT16_MAX ? put(out, 0xcd, value, 2)
           : value <= UINT32_MAX ? put(out, 0xce, value, 4)
                                 : put(out, 0xcf, value, 8);
}

static int put_signed(packer *out, int64_t value) {
    if (value >= 0) {
        return put_unsigned(out, (uint64_t)value);
    }
    if (value >= -32) {
        return put(out, (unsigned char)value, 0, 0);
    }
    return value >= INT8_MIN    ? put(out, 0xd0, (uint64_t)value, 1)
           : value >= INT16_MIN ? put(out, 0xd1, (uint64_t)value, 2)
           : value >= INT32_MIN ? put(out, 0xd2, (uint64_t)value, 4)
                                : put(out, 0xd3, (uint64_t)value, 8);
}

// Lengths: a short form if there is one, then 8, 16 or 32 bits from the type byte `wide` on, 8 only if `has_byte`.
static int put_length(packer *out, size_t size, unsigned char brief, size_t brief_limit, unsigned char wide,
                      bool has_byte) {
    if (size < brief_limit) {
        return put(out, (unsigned char)(brief | size), 0, 0);
    }
    if (size > UINT32_MAX) {
        PyErr_SetString(PyExc_ValueError, "more than 4 GiB in one value of msgpack");
        return -1;
    }
    if (has_byte && size <= UINT8_MAX) {
        return put(out, wide, size, 1);
    }
    wide += has_byte;
    return size <= UINT16_MAX ? put(out, wide, size, 2) : put(out, wide + 1, size, 4);
}

// The serializer keeps the value and gives its number (anything of msgpack, in fact).
static int pack_foreign(packer *out, PyObject *value) {
    if (out->is_plain) {
        out->met_foreign = true;
        return -1;
    }
    if (out->serializer == NULL) {
        if (PyLong_CheckExact(value)) {
            PyErr_SetString(PyExc_OverflowError, "Integer value out of range");
            return -1;
        }
        PyObject *name = PyType_GetName(Py_TYPE(value));
        if (name != NULL) {
            PyErr_Format(PyExc_TypeError, "can not serialize '%U' object", name);
            Py_DECREF(name);
        }
        return -1;
    }
    PyObject *number = PyObject_CallFunctionObjArgs(out->serializer, value, NULL);
    if (number == NULL) {
        return -1;
    }
    packer inner = {.bytes = inner.first, .room = FIRST_ROOM};
    int status = pack_value(&inner, number, 0);
    Py_DECREF(number);
    if (status == 0) {
        size_t size = inner.size;
        bool is_fixed = size == 1 || size == 2 || size == 4 || size == 8 || size == 16;
        status = is_fixed ? put(out, (unsigned char)(0xd4 + __builtin_ctzl(size)), 0, 0)
                          : put_length(out, size, 0, 0, 0xc7, true);
        status = status < 0 ? -1 : put(out, PYTHON_EXTENSION, 0, 0);
        status = status < 0 ? -1 : put_bytes(out, inner.bytes, size);
    }
    if (inner.bytes != inner.first) {
        PyMem_Free(inner.bytes);
    }
    return status;
}

static int pack_int(packer *out, PyObject *value) {
    int overflow;
    long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (overflow == 0) {
        return put_signed(out, number);
    }
    if (overflow > 0) {
        unsigned long long large = PyLong_AsUnsignedLongLong(value);
        if (large != (unsigned long long)-1 || !PyErr_Occurred()) {
            return put_unsigned(out, large);
        }
        PyErr_Clear();
    }
    return pack_foreign(out, value);
}

static int pack_bytes(packer *out, PyObject *value) {
    Py_buffer view;
    if (PyObject_GetBuffer(value, &view, PyBUF_SIMPLE) < 0) {
        return -1;
    }
    int status = put_length(out, (size_t)view.len, 0, 0, 0xc4, true);
    status = status < 0 ? -1 : put_bytes(out, view.buf, (size_t)view.len);
    PyBuffer_Release(&view);
    return status;
}

// The serializer runs Python, which may change what is being packed.
static int check_count(Py_ssize_t before, Py_ssize_t after) {
    if (before == after) {
        return 0;
    }
    PyErr_SetString(PyExc_RuntimeError, "a list or dict changed its size while it was serialized");
    return -1;
}

static int pack_list(packer *out, PyObject *list, int depth) {
    Py_ssize_t count = PyList_Size(list);
    int status = put_length(out, (size_t)count, 0x90, 16, 0xdc, false);
    for (Py_ssize_t index = 0; status == 0 && index < count; index++) {
        PyObject *item = PyList_GetItem(list, index);
        if (item == NULL) {
            return -1;
        }
        Py_INCREF(item);
        status = pack_value(out, item, depth);
        Py_DECREF(item);
    }
    return status < 0 ? -1 : check_count(count, PyList_Size(list));
}

static int pack_dict(packer *out, PyObject *dict, int depth) {
    Py_ssize_t count = PyDict_Size(dict), position = 0;
    PyObject *key, *value;
    int status = put_length(out, (size_t)count, 0x80, 16, 0xde, false);
    while (status == 0 && PyDict_Next(dict, &position, &key, &value)) {
        Py_INCREF(key);
        Py_INCREF(value);
        status = pack_value(out, key, depth);
        status = status < 0 ? -1 : pack_value(out, value, depth);
        Py_DECREF(key);
        Py_DECREF(value);
        status = status < 0 ? -1 : check_count(count, PyDict_Size(dict));
    }
    return status;
}

// What is deeper could not be read again.
static int enter(int depth) {
    if (depth < DEEPEST) return 0;
    PyErr_SetString(PyExc_ValueError, "recursion limit exceeded.");
    return -1;
}

static int pack_value(packer *out, PyObject *value, int depth) {
    if (value == Py_None) {
        return put(out, 0xc0, 0, 0);
    }
    if (PyBool_Check(value)) {
        return put(out, value == Py_True ? 0xc3 : 0xc2, 0, 0);
    }
    if (PyLong_CheckExact(value)) {
        return pack_int(out, value);
    }
    if (PyFloat_CheckExact(value)) {
        double number = PyFloat_AsDouble(value);
        uint64_t bits;
        memcpy(&bits, &number, sizeof bits);
        return put(out, 0xcb, bits, 8);
    }
    if (PyUnicode_CheckExact(value)) {
        Py_ssize_t size;
        const char *text = PyUnicode_AsUTF8AndSize(value, &size);
        if (text == NULL || put_length(out, (size_t)size, 0xa0, 32, 0xd9, true) < 0) {
            return -1;
        }
        return put_bytes(out, text, (size_t)size);
    }
    if (PyBytes_CheckExact(value) || PyByteArray_CheckExact(value) || PyMemoryView_Check(value)) {
        return pack_bytes(out, value);
    }
    if (PyList_CheckExact(value)) {
        return enter(depth) < 0 ? -1 : pack_list(out, value, depth + 1);
    }
    if (PyDict_CheckExact(value)) {
        return enter(depth) < 0 ? -1 : pack_dict(out, value, depth + 1);
    }
    return pack_foreign(out, value);
}

static PyObject *finish(packer *out, int status) {
    PyObject *result = NULL;
    if (status == 0) {
        result = PyBytes_FromStringAndSize((const char *)out->bytes, (Py_ssize_t)out->size);
    }
    if (out->bytes != out->first) {
        PyMem_Free(out->bytes);
    }
    return result;
}

// pack(value, serializer) -> bytes
PyObject *pack(PyObject *module, PyObject *arguments) {
    PyObject *value, *serializer;
    if (!PyArg_ParseTuple(arguments, "OO:pack", &value, &serializer)) {
        return NULL;
    }
    packer out = {.bytes = out.first, .room = FIRST_ROOM, .serializer = serializer == Py_None ? NULL : serializer};
    return finish(&out, pack_value(&out, value, 0));
}

// pack_plain(value) -> bytes, or None for a value that needs a serializer
PyObject *pack_plain(PyObject *module, PyObject *value) {
    packer out = {.bytes = out.first, .room = FIRST_ROOM, .is_plain = true};
    PyObject *result = finish(&out, pack_value(&out, value, 0));
    if (result == NULL && (out.met_foreign || PyErr_ExceptionMatches(PyExc_ValueError))) {
        PyErr_Clear();
        Py_RETURN_NONE;
    }
    return result;
}
