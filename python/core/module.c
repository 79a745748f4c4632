// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0

#include "core.h"

#include <pthread.h>

const swift_ray_native_api *native;
static PyObject *core_error;

PyObject *raise_failure(void) {
    struct ray_python_bytes message;
    int type = ray_python_error(&message);
    PyObject *text = PyUnicode_DecodeUTF8(message.data == NULL ? "" : message.data, (Py_ssize_t)message.count, "replace");
    if (text != NULL) {
        PyObject *arguments = Py_BuildValue("(iO)", type, text);
        if (arguments != NULL) PyErr_SetObject(core_error, arguments);
        Py_XDECREF(arguments);
        Py_DECREF(text);
    }
    return NULL;
}

int id_argument(PyObject *object, Py_ssize_t size, const void **bytes) {
    *bytes = NULL;
    if (object == NULL || object == Py_None) return 0;
    char *data;
    Py_ssize_t count;
    if (PyBytes_AsStringAndSize(object, &data, &count) < 0) return -1;
    if (count != size) {
        PyErr_Format(PyExc_ValueError, "an id of %zd bytes is expected, not %zd", size, count);
        return -1;
    }
    *bytes = data;
    return 0;
}

int is_forked;
static int is_open;

static void note_fork(void) { is_forked |= is_open; }

int watch_forks(int has_runtime) {
    static int is_watching;
    is_open = has_runtime;
    // Before anything of Python runs in the new process, such as a collection of garbage.
    if (has_runtime && !is_watching && pthread_atfork(NULL, NULL, note_fork) != 0) {
        PyErr_NoMemory();
        return -1;
    }
    is_watching |= has_runtime;
    return 0;
}

void release_owner(void *owner) {
    if (!is_forked) ray_python_release(owner);
}

static int add_reference(const unsigned char *object, const void *owner, size_t owner_size) {
    return is_forked ? 0 : ray_python_add_reference(object, owner, owner_size);
}

static void remove_reference(const unsigned char *object) {
    if (!is_forked) ray_python_remove_reference(object);
}

int count_references(void) {
    PyObject *module = PyImport_ImportModule("swift_ray._native");
    if (module == NULL) return -1;
    PyObject *add = PyCapsule_New((void *)add_reference, NULL, NULL);
    PyObject *drop = PyCapsule_New((void *)remove_reference, NULL, NULL);
    PyObject *done = NULL;
    if (add != NULL && drop != NULL) done = PyObject_CallMethod(module, "set_reference_functions", "OO", add, drop);
    Py_XDECREF(add);
    Py_XDECREF(drop);
    Py_XDECREF(done);
    Py_DECREF(module);
    return done == NULL ? -1 : 0;
}

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "swift_ray._core",
    .m_doc = "The runtime of this process, in Swift.",
    .m_size = -1,
};

PyMODINIT_FUNC PyInit__core(void) {
    native = PyCapsule_Import(SWIFT_RAY_NATIVE_CAPSULE, 0);
    if (native == NULL) return NULL;
    if (ray_python_interface() != RAY_PYTHON_INTERFACE) {
        return PyErr_Format(
            PyExc_ImportError, "libRayPython.so has interface %d and this extension %d: install one release of both",
            ray_python_interface(), RAY_PYTHON_INTERFACE);
    }
    PyObject *module = PyModule_Create(&definition);
    if (module == NULL) return NULL;
    core_error = PyErr_NewExceptionWithDoc(
        "swift_ray._core.CoreError", "A failure of the core: its ErrorType's number, and a sentence.", NULL, NULL);
    if (core_error == NULL || PyModule_AddObjectRef(module, "CoreError", core_error) < 0 ||
        PyModule_AddFunctions(module, life_methods) < 0 || PyModule_AddFunctions(module, call_methods) < 0 ||
        PyModule_AddFunctions(module, object_methods) < 0 || PyModule_AddFunctions(module, task_methods) < 0 ||
        add_connection_type(module) < 0 || add_task_type(module) < 0) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
