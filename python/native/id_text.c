// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0

// Ids as hexadecimal digits, and their hash.

#include "native.h"

// MurmurHash64A with seed 0: Ray's own, so that what is ordered or sharded by it agrees.
uint64_t murmur_hash(const unsigned char *bytes, size_t size) {
    const uint64_t factor = 0xc6a4a7935bd1e995;
    uint64_t hash = size * factor;
    for (; size >= 8; bytes += 8, size -= 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        word *= factor;
        word ^= word >> 47;
        word *= factor;
        hash = (hash ^ word) * factor;
    }
    if (size > 0) {
        uint64_t word = 0;
        memcpy(&word, bytes, size);
        hash = (hash ^ word) * factor;
    }
    hash = (hash ^ hash >> 47) * factor;
    return hash ^ hash >> 47;
}

PyObject *hex_string(const unsigned char *bytes, Py_ssize_t size) {
    static const char digits[] = "0123456789abcdef";
    char text[2 * UNIQUE_SIZE];
    for (Py_ssize_t index = 0; index < size; index++) {
        text[2 * index] = digits[bytes[index] >> 4];
        text[2 * index + 1] = digits[bytes[index] & 15];
    }
    return PyUnicode_DecodeASCII(text, 2 * size, NULL);
}

static int hex_digit(char digit) {
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    digit |= 0x20;
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

// Like Ray, text that is no id gives the nil id and a line on standard error.
PyObject *id_from_hex(PyObject *type, PyObject *text) {
    const char *digits;
    Py_ssize_t count;
    if (PyUnicode_Check(text)) {
        digits = PyUnicode_AsUTF8AndSize(text, &count);
    } else {
        char *bytes = NULL;
        digits = PyBytes_AsStringAndSize(text, &bytes, &count) < 0 ? NULL : bytes;
    }
    if (digits == NULL) {
        return NULL;
    }
    int size = id_sizes[id_kind((PyTypeObject *)type)];
    unsigned char bytes[UNIQUE_SIZE];
    bool is_right = count == 2 * size;
    for (int index = 0; is_right && index < size; index++) {
        int high = hex_digit(digits[2 * index]), low = hex_digit(digits[2 * index + 1]);
        is_right = high >= 0 && low >= 0;
        if (is_right) {
            bytes[index] = (unsigned char)(high << 4 | low);
        }
    }
    if (!is_right) {
        PySys_FormatStderr("not an id of %d bytes in hexadecimal digits: %.100s\n", size, digits);
        memset(bytes, 0xff, sizeof bytes);
    }
    return id_make((PyTypeObject *)type, bytes, size);
}

PyObject *id_refuse_hex(PyObject *type, PyObject *text) {
    PyObject *name = PyType_GetName((PyTypeObject *)type);
    if (name != NULL) {
        PyErr_Format(PyExc_NotImplementedError, "%U.from_hex", name);
        Py_DECREF(name);
    }
    return NULL;
}
