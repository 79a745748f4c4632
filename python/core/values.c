// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0

// Values between Python's serialised objects and the runtime's bytes.

#include "core.h"

#include <stdlib.h>
#include <string.h>

#define OBJECT_ID_SIZE 28

static int fill_contained(struct outgoing *value, PyObject *serialized) {
    PyObject *list = PyObject_GetAttrString(serialized, "contained_object_refs");
    if (list == NULL) return -1;
    Py_ssize_t count = PyList_Check(list) ? PyList_Size(list) : 0;
    if (count > 0) {
        value->contained = malloc((size_t)count * OBJECT_ID_SIZE);
        if (value->contained == NULL) {
            Py_DECREF(list);
            PyErr_NoMemory();
            return -1;
        }
    }
    for (Py_ssize_t index = 0; index < count; index++) {
        const unsigned char *id = native->id_bytes(PyList_GetItem(list, index), SWIFT_RAY_OBJECT_REF);
        if (id == NULL) {
            Py_DECREF(list);
            return -1;
        }
        memcpy(value->contained + index * OBJECT_ID_SIZE, id, OBJECT_ID_SIZE);
    }
    value->argument.contained = value->contained;
    value->argument.contained_count = (size_t)count;
    Py_DECREF(list);
    return 0;
}

int outgoing_begin(struct outgoing *value, PyObject *serialized) {
    memset(value, 0, sizeof *value);
    Py_ssize_t size = native->serialized_size(serialized);
    if (size < 0) return -1;
    value->argument.data.count = (size_t)size;
    value->metadata = PyObject_GetAttrString(serialized, "metadata");
    if (value->metadata == NULL) return -1;
    char *bytes;
    Py_ssize_t count;
    if (PyUnicode_Check(value->metadata)) {
        PyObject *encoded = PyUnicode_AsUTF8String(value->metadata);
        Py_DECREF(value->metadata);
        value->metadata = encoded;
        if (encoded == NULL) return -1;
    }
    if (PyBytes_AsStringAndSize(value->metadata, &bytes, &count) < 0) return -1;
    value->argument.metadata = (struct ray_python_bytes){bytes, (size_t)count};
    return fill_contained(value, serialized);
}

int outgoing_fill(struct outgoing *value, PyObject *serialized) {
    if (outgoing_begin(value, serialized) < 0) return -1;
    size_t size = value->argument.data.count;
    // Arrays inside are found by absolute addresses.
    if (posix_memalign(&value->data, 64, size == 0 ? 1 : size) != 0) {
        value->data = NULL;
        PyErr_NoMemory();
        return -1;
    }
    value->argument.data.data = value->data;
    return native->serialized_write(serialized, value->data);
}

void outgoing_clear(struct outgoing *value) {
    free(value->data);
    free(value->contained);
    Py_CLEAR(value->metadata);
    value->data = NULL;
    value->contained = NULL;
}

static PyObject *filled(PyTypeObject *type, const struct ray_python_object *object) {
    if (object->is_error) {
        PyObject *result = Py_BuildValue("(OOy#)", Py_None, Py_None, object->data.data, (Py_ssize_t)object->data.count);
        ray_python_release(object->owner);
        return result;
    }
    PyObject *metadata = PyBytes_FromStringAndSize(object->metadata.data, (Py_ssize_t)object->metadata.count);
    PyObject *data = native->buffer_new(object->data.data, object->data.count, release_owner, object->owner);
    PyObject *result = metadata == NULL || data == NULL ? NULL : PyTuple_Pack(3, data, metadata, Py_None);
    Py_XDECREF(metadata);
    Py_XDECREF(data);
    if (result == NULL || type == &PyTuple_Type) return result;
    // As the tuple's own `__new__` makes one of its subclasses: only that knows all that is inside of a tuple.
    newfunc make = PyType_GetSlot(&PyTuple_Type, Py_tp_new);
    PyObject *arguments = PyTuple_Pack(1, result);
    Py_DECREF(result);
    result = arguments == NULL ? NULL : make(type, arguments, NULL);
    Py_XDECREF(arguments);
    return result;
}

PyObject *incoming(const struct ray_python_object *object) { return filled(&PyTuple_Type, object); }

PyObject *incoming_as(PyObject *type, const struct ray_python_object *object) {
    return filled((PyTypeObject *)type, object);
}
