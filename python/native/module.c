// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0

// `swift_ray._native`: the parts of `ray._raylet` that are called for every value, reference and task. It depends on
// nothing but Python, so that values can be read and written without a cluster.

#include "native.h"

PyTypeObject *add_type(PyObject *module, PyType_Spec *spec, PyTypeObject *base) {
    PyTypeObject *type = (PyTypeObject *)PyType_FromSpecWithBases(spec, (PyObject *)base);
    if (type != NULL && PyModule_AddType(module, type) < 0) {
        Py_CLEAR(type);
    }
    return type;
}

static PyObject *api_id_new(swift_ray_id_kind kind, const unsigned char *bytes) {
    id_object *id = (id_object *)id_alloc(id_types[kind], NULL, NULL);
    if (id != NULL) {
        memcpy(id->bytes, bytes, id->size);
    }
    return (PyObject *)id;
}

static PyMethodDef functions[] = {
    {"set_reference_functions", set_reference_functions, METH_VARARGS,
     "Sets what counts references: two capsules of void (*)(const unsigned char id[28]), or None twice."},
    {"set_call_site_function", set_call_site_function, METH_O,
     "Sets what is called with each new ObjectRef and gives where it was made, or None."},
    {"_object_ref_deserializer", (PyCFunction)(void (*)(void))object_ref_from_pickle, METH_FASTCALL,
     "The ObjectRef that a pickle speaks of, in the place of Ray's function of this name."},
    {"set_connection_check", set_connection_check, METH_O, "Sets what raises if such a reference comes too early."},
    {"split_buffer", split_buffer, METH_O, "The msgpack part of an object and what follows it, as memoryviews."},
    {"unpack_pickle5_buffers", unpack_pickle5_buffers, METH_O, "An in-band pickle and its out-of-band buffers."},
    {"unpack", unpack, METH_VARARGS,
     "unpack(bytes, deserializer or None): the value, or NotImplemented for what the msgpack library has to read."},
    {"plain_values", plain_values, METH_O,
     "The values of a list of (data, metadata, ...) that serialize_plain has made; None if there is any other."},
    {"serialize_plain", serialize_plain, METH_O,
     "The SerializedObject of bytes or of a value that is msgpack through and through; None for any other."},
    {"write_process_title", write_process_title, METH_O, "Replaces the command line and the name of the process."},
    {"pack", pack, METH_VARARGS, "pack(value, serializer or None): the value in msgpack."},
    {NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "swift_ray._native", "Ids, references, buffers and serialized objects.", -1, functions,
};

PyMODINIT_FUNC PyInit__native(void) {
    static const swift_ray_native_api api = {
        buffer_make, api_id_new, id_bytes_of, object_ref_make, serialized_size, serialized_write_aligned,
        plain_value, serialize_plain, is_plain,
    };
    PyObject *module = PyModule_Create(&definition);
    if (module == NULL || add_ids(module) < 0 || add_object_ref(module) < 0 || add_buffers(module) < 0 ||
        add_serialized(module) < 0 || add_descriptors(module) < 0) {
        Py_XDECREF(module);
        return NULL;
    }
    PyObject *capsule = PyCapsule_New((void *)&api, SWIFT_RAY_NATIVE_CAPSULE, NULL);
    if (capsule == NULL || PyModule_AddObjectRef(module, "_C_API", capsule) < 0) {
        Py_CLEAR(module);
    }
    Py_XDECREF(capsule);
    return module;
}
