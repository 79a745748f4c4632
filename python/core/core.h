// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0

// What the files of `swift_ray._core` share: the runtime in Swift as Python sees it.

#ifndef SWIFT_RAY_CORE_H
#define SWIFT_RAY_CORE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "ray_python.h"
#include "swift_ray_native.h"

// How long a waiting thread goes without looking for signals, in milliseconds.
#define SLICE_MILLISECONDS 100
// Values of fewer bytes are handed over faster than the interpreter from one thread to another and back.
#define SMALL_VALUES_SIZE (16 << 10)
// So do so few of them.
#define SMALL_VALUES_COUNT 16

extern const swift_ray_native_api *native;

// Whether this process was forked from one while that had a runtime. The runtime's threads are not here, its sockets and
// its pins in the store are the other's, and a lock of it may be taken for ever: nothing of it is touched.
extern int is_forked;
// Notes forks from here on, while a runtime is open.
int watch_forks(int has_runtime);

// Gives back what the runtime has lent.
void release_owner(void *owner);

// Raises `swift_ray._core.CoreError(type, message)` for the failure of this thread; NULL.
PyObject *raise_failure(void);

// A value on its way to Swift: its bytes, in memory of this struct, and the references inside of it.
struct outgoing {
    struct ray_python_argument argument;
    void *data;
    PyObject *metadata;
    unsigned char *contained;
};

// Fills in the metadata and the contained references of a SerializedObject; its size is in `argument.data.count`.
int outgoing_begin(struct outgoing *value, PyObject *serialized);
// As above, with the bytes written into memory of its own.
int outgoing_fill(struct outgoing *value, PyObject *serialized);
void outgoing_clear(struct outgoing *value);

// (Buffer | None, metadata | None, error | None), which takes over the object's owner.
PyObject *incoming(const struct ray_python_object *object);

// The same, of a class that is a tuple of three; an error is an ordinary tuple.
PyObject *incoming_as(PyObject *type, const struct ray_python_object *object);

// From here on the runtime counts Python's references; those made for a runtime before it are no longer its business.
int count_references(void);

// The bytes of an id given as `bytes` or None, or an exception.
int id_argument(PyObject *object, Py_ssize_t size, const void **bytes);

extern PyMethodDef life_methods[], call_methods[], object_methods[], task_methods[];
int add_connection_type(PyObject *module);
int add_task_type(PyObject *module);

#endif
