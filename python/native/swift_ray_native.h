// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0

// What `swift_ray._native` offers to other extensions, in the capsule "swift_ray._native._C_API":
//
//     const swift_ray_native_api *native = PyCapsule_Import("swift_ray._native._C_API", 0);
//
// Every function needs the interpreter's lock. Members are only ever added at the end.
//
// References are counted by two functions that `swift_ray._native.set_reference_functions(add, remove)` takes in
// capsules of any name, `void (*)(const unsigned char id[28])`; None twice ends that. They are called for every ObjectRef
// that is made and destroyed, with the interpreter's lock, on any thread, also inside a garbage collection and while the
// interpreter ends: they must not call Python, and not wait for a lock whose holder may want the interpreter's. Nil ids
// are left out, and references that were made before the functions were last set are not reported when they go.

#ifndef SWIFT_RAY_NATIVE_H
#define SWIFT_RAY_NATIVE_H

#include <Python.h>

#define SWIFT_RAY_NATIVE_CAPSULE "swift_ray._native._C_API"

typedef enum {
    SWIFT_RAY_OBJECT_REF,
    SWIFT_RAY_JOB_ID,
    SWIFT_RAY_TASK_ID,
    SWIFT_RAY_ACTOR_ID,
    SWIFT_RAY_NODE_ID,
    SWIFT_RAY_WORKER_ID,
    SWIFT_RAY_PLACEMENT_GROUP_ID,
    SWIFT_RAY_CLUSTER_ID,
    SWIFT_RAY_FUNCTION_ID,
    SWIFT_RAY_ACTOR_CLASS_ID,
    SWIFT_RAY_UNIQUE_ID,
    SWIFT_RAY_ID_COUNT,
} swift_ray_id_kind;

typedef struct {
    // A `Buffer` over memory of the caller. `release(context)` is called once, with the interpreter's lock, when the
    // last view of the memory is gone; also when this function fails. Pickled arrays inside an object are found by
    // absolute addresses: `data` must lie at a multiple of 64 bytes.
    PyObject *(*buffer_new)(const void *data, size_t size, void (*release)(void *context), void *context);

    // An id of one of Ray's classes from its bytes, as many as the class has.
    PyObject *(*id_new)(swift_ray_id_kind kind, const unsigned char *bytes);

    // The bytes of an id of the given kind or of a subclass; they live as long as the object. Null with TypeError for
    // any other object.
    const unsigned char *(*id_bytes)(PyObject *object, swift_ray_id_kind kind);

    // An `ObjectRef` with its owner's address (a serialized `Address`, may be empty). It takes over a reference that
    // is already counted if `is_counted`, otherwise it calls the counting function for one.
    PyObject *(*object_ref_new)(
        const unsigned char id[28], const char *owner_address, Py_ssize_t owner_address_size, int is_counted);

    // The bytes that a `SerializedObject` takes, or -1 with an exception.
    Py_ssize_t (*serialized_size)(PyObject *serialized);

    // Writes it to `memory`, which has that many bytes and lies at a multiple of 64; 0, or -1 with an exception
    // (ValueError: it lies elsewhere). The interpreter's lock is released while 64 KiB or more are copied.
    int (*serialized_write)(PyObject *serialized, void *memory);

    // The value of an object that `serialize_plain` has made, or NotImplemented for what a serialization context has to
    // read. Null with an exception: there is no memory.
    PyObject *(*plain_value)(const void *data, size_t size, const char *metadata, size_t metadata_size);

    // A `SerializedObject` of such a value, or None for any other; null with an exception. The first argument is not used.
    PyObject *(*serialize_plain)(PyObject *ignored, PyObject *value);

    // Whether an object with this metadata may be such a value; most are.
    int (*is_plain)(const char *metadata, size_t size);
} swift_ray_native_api;

#endif
