// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0

// Values from msgpack: the counterpart of msgpack.c. What is damaged or unusual is left to the msgpack library, which
// has the right exception or value for it.

#include "native.h"

enum { PYTHON_EXTENSION = 101, DEEPEST = 512 };

typedef struct {
    const unsigned char *next, *end;
    PyObject *deserializer; // null: extensions are left to the library
    bool is_unusual;
} input;

static PyObject *read_value(input *in, int depth);

static PyObject *give_up(input *in) {
    in->is_unusual = true;
    return NULL;
}

// Whether that many bytes are there.
static bool has(const input *in, uint64_t size) { return size <= (uint64_t)(in->end - in->next); }

static uint64_t read_number(input *in, int width) {
    uint64_t number = 0;
    for (int index = 0; index < width; index++) {
        number = number << 8 | *in->next++;
    }
    return number;
}

static PyObject *read_text(input *in, uint64_t size) {
    if (!has(in, size)) {
        return give_up(in);
    }
    PyObject *text = PyUnicode_DecodeUTF8((const char *)in->next, (Py_ssize_t)size, NULL);
    in->next += size;
    if (text == NULL && PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) {
        PyErr_Clear();
        return give_up(in);
    }
    return text;
}

static PyObject *read_bytes(input *in, uint64_t size) {
    if (!has(in, size)) {
        return give_up(in);
    }
    PyObject *bytes = PyBytes_FromStringAndSize((const char *)in->next, (Py_ssize_t)size);
    in->next += size;
    return bytes;
}

static PyObject *read_list(input *in, uint64_t count, int depth) {
    // Every element takes a byte at least: a count that is a lie reserves nothing.
    PyObject *list = has(in, count) && depth < DEEPEST ? PyList_New((Py_ssize_t)count) : give_up(in);
    for (uint64_t index = 0; list != NULL && index < count; index++) {
        PyObject *item = read_value(in, depth + 1);
        if (item == NULL || PyList_SetItem(list, (Py_ssize_t)index, item) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

static PyObject *read_dict(input *in, uint64_t count, int depth) {
    PyObject *dict = has(in, 2 * count) && depth < DEEPEST ? PyDict_New() : give_up(in);
    for (uint64_t index = 0; dict != NULL && index < count; index++) {
        PyObject *key = read_value(in, depth + 1);
        PyObject *value = key == NULL ? NULL : read_value(in, depth + 1);
        if (value == NULL || PyDict_SetItem(dict, key, value) < 0) {
            Py_CLEAR(dict);
        }
        Py_XDECREF(key);
        Py_XDECREF(value);
    }
    return dict;
}

static PyObject *read_extension(input *in, uint64_t size) {
    if (in->deserializer == NULL || !has(in, size + 1) || *in->next != PYTHON_EXTENSION) {
        return give_up(in);
    }
    input part = {in->next + 1, in->next + 1 + size, NULL, false};
    in->next = part.end;
    PyObject *number = read_value(&part, 0);
    if (number != NULL && part.next != part.end) {
        Py_CLEAR(number);
        return give_up(in);
    }
    in->is_unusual |= part.is_unusual;
    PyObject *value = number == NULL ? NULL : PyObject_CallFunctionObjArgs(in->deserializer, number, NULL);
    Py_XDECREF(number);
    return value;
}

static PyObject *read_float(input *in, unsigned char type) {
    uint64_t bits = read_number(in, type == 0xca ? 4 : 8);
    if (type == 0xca) {
        uint32_t half = (uint32_t)bits;
        float number;
        memcpy(&number, &half, sizeof number);
        return PyFloat_FromDouble(number);
    }
    double number;
    memcpy(&number, &bits, sizeof number);
    return PyFloat_FromDouble(number);
}

// Type bytes from 0xc0 to 0xdf: how wide the number is that follows.
static const signed char widths[32] = {0, -1, 0, 0, 1, 2, 4, 1, 2, 4, 4, 8, 1, 2, 4, 8,
                                       1, 2, 4, 8, 0, 0, 0, 0, 0, 1, 2, 4, 2, 4, 2, 4};

static PyObject *read_wide(input *in, unsigned char type, int depth) {
    int width = widths[type - 0xc0];
    if (width < 0 || !has(in, (uint64_t)width)) {
        return give_up(in);
    }
    if (type == 0xca || type == 0xcb) {
        return read_float(in, type);
    }
    uint64_t number = read_number(in, width);
    switch (type) {
    case 0xc0: Py_RETURN_NONE;
    case 0xc2: Py_RETURN_FALSE;
    case 0xc3: Py_RETURN_TRUE;
    case 0xc4: case 0xc5: case 0xc6: return read_bytes(in, number);
    case 0xc7: case 0xc8: case 0xc9: return read_extension(in, number);
    case 0xcc: case 0xcd: case 0xce: case 0xcf: return PyLong_FromUnsignedLongLong(number);
    case 0xd0: return PyLong_FromLong((int8_t)number);
    case 0xd1: return PyLong_FromLong((int16_t)number);
    case 0xd2: return PyLong_FromLong((int32_t)number);
    case 0xd3: return PyLong_FromLongLong((int64_t)number);
    case 0xd9: case 0xda: case 0xdb: return read_text(in, number);
    case 0xdc: case 0xdd: return read_list(in, number, depth);
    case 0xde: case 0xdf: return read_dict(in, number, depth);
    default: return read_extension(in, 1ull << (type - 0xd4)); // 0xd4 to 0xd8: 1, 2, 4, 8, 16 bytes
    }
}

static PyObject *read_value(input *in, int depth) {
    if (in->next == in->end) {
        return give_up(in);
    }
    unsigned char type = *in->next++;
    if (type < 0x80) {
        return PyLong_FromLong(type);
    }
    if (type < 0x90) {
        return read_dict(in, type & 15, depth);
    }
    if (type < 0xa0) {
        return read_list(in, type & 15, depth);
    }
    if (type < 0xc0) {
        return read_text(in, type & 31);
    }
    return type < 0xe0 ? read_wide(in, type, depth) : PyLong_FromLong((signed char)type);
}

static PyObject *read_all(const unsigned char *bytes, int64_t size, PyObject *deserializer) {
    input in = {bytes, bytes + size, deserializer, false};
    PyObject *value = read_value(&in, 0);
    if (value != NULL && in.next != in.end) {
        Py_CLEAR(value);
        in.is_unusual = true;
    }
    if (value == NULL && in.is_unusual && !PyErr_Occurred()) {
        Py_RETURN_NOTIMPLEMENTED;
    }
    return value;
}

// unpack(bytes, deserializer or None) -> value, or NotImplemented for what the library has to read
PyObject *unpack(PyObject *module, PyObject *arguments) {
    PyObject *source, *deserializer;
    Py_buffer view;
    if (!PyArg_ParseTuple(arguments, "OO:unpack", &source, &deserializer) ||
        PyObject_GetBuffer(source, &view, PyBUF_SIMPLE) < 0) {
        return NULL;
    }
    PyObject *value = read_all(view.buf, view.len, deserializer == Py_None ? NULL : deserializer);
    PyBuffer_Release(&view);
    return value;
}

static bool is_metadata(const char *metadata, size_t size, const char *wanted) {
    return size == strlen(wanted) && memcmp(metadata, wanted, size) == 0;
}

int is_plain(const char *metadata, size_t size) {
    return is_metadata(metadata, size, "RAW") || is_metadata(metadata, size, "XLANG");
}

PyObject *plain_value(const void *data, size_t size, const char *metadata, size_t metadata_size) {
    if (is_metadata(metadata, metadata_size, "RAW")) {
        return PyBytes_FromStringAndSize(data, (Py_ssize_t)size);
    }
    int64_t length = is_metadata(metadata, metadata_size, "XLANG") ? packed_length(data, (Py_ssize_t)size) : -1;
    if (length < 0) {
        Py_RETURN_NOTIMPLEMENTED;
    }
    return read_all((const unsigned char *)data + HEADER_SIZE, length, NULL);
}

// The same of a Buffer or None, and bytes or None.
static PyObject *plain_value_of(PyObject *data, PyObject *metadata) {
    char *text;
    Py_ssize_t size;
    if (!PyBytes_Check(metadata)) {
        Py_RETURN_NOTIMPLEMENTED;
    }
    Py_buffer view;
    if (PyBytes_AsStringAndSize(metadata, &text, &size) < 0) {
        return NULL;
    }
    if (data == Py_None) {
        return plain_value(NULL, 0, text, (size_t)size);
    }
    if (PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) < 0) {
        return NULL;
    }
    PyObject *value = plain_value(view.buf, (size_t)view.len, text, (size_t)size);
    PyBuffer_Release(&view);
    return value;
}

// Whether an object may be plain by what its metadata says: none is read in vain for the sake of another one.
static bool may_be_plain(PyObject *object) {
    PyObject *metadata = PyTuple_Check(object) && PyTuple_Size(object) > 1 ? PyTuple_GetItem(object, 1) : NULL;
    if (metadata == NULL) {
        return true; // what is wrong with it is said where it is read
    }
    return PyBytes_Check(metadata) && is_plain(PyBytes_AsString(metadata), (size_t)PyBytes_Size(metadata));
}

// plain_values(objects) -> a list of their values, or None if a serialization context has to read one of them
PyObject *plain_values(PyObject *module, PyObject *objects) {
    if (!PyList_Check(objects)) {
        return PyErr_Format(PyExc_TypeError, "objects are a list");
    }
    for (Py_ssize_t index = 0; index < PyList_Size(objects); index++) {
        if (!may_be_plain(PyList_GetItem(objects, index))) {
            Py_RETURN_NONE;
        }
    }
    PyObject *values = PyList_New(0);
    // Its length is asked each time: it belongs to others, and reading a value can run code.
    for (Py_ssize_t index = 0; values != NULL && index < PyList_Size(objects); index++) {
        PyObject *object = PyList_GetItem(objects, index), *value;
        if (!PyTuple_Check(object) || PyTuple_Size(object) < 2) {
            value = PyErr_Format(PyExc_TypeError, "an object is a tuple of data, metadata and tensors");
        } else {
            Py_INCREF(object);
            value = plain_value_of(PyTuple_GetItem(object, 0), PyTuple_GetItem(object, 1));
            Py_DECREF(object);
        }
        bool is_other = value == Py_NotImplemented;
        if (value == NULL || is_other || PyList_Append(values, value) < 0) {
            Py_CLEAR(values);
        }
        Py_XDECREF(value);
        if (is_other) {
            Py_RETURN_NONE;
        }
    }
    return values;
}
