// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0

// Opening and closing the runtime, and questions that are not hot.

#include "core.h"

#include <unistd.h>

static PyObject *open_runtime(PyObject *module, PyObject *options) {
    char *bytes;
    Py_ssize_t count;
    if (PyBytes_AsStringAndSize(options, &bytes, &count) < 0) return NULL;
    int status;
    Py_BEGIN_ALLOW_THREADS
    status = ray_python_open((struct ray_python_bytes){bytes, (size_t)count});
    Py_END_ALLOW_THREADS
    if (status < 0) return raise_failure();
    if (watch_forks(1) < 0 || count_references() < 0) return NULL;
    Py_RETURN_NONE;
}

static PyObject *close_runtime(PyObject *module, PyObject *ignored) {
    Py_BEGIN_ALLOW_THREADS
    ray_python_close();
    Py_END_ALLOW_THREADS
    watch_forks(0);
    Py_RETURN_NONE;
}

static PyObject *was_forked(PyObject *module, PyObject *ignored) { return PyBool_FromLong(is_forked); }

static PyObject *freed(struct ray_python_bytes bytes) {
    PyObject *result = PyBytes_FromStringAndSize(bytes.data, (Py_ssize_t)bytes.count);
    ray_python_free(bytes);
    return result;
}

static PyObject *control(PyObject *module, PyObject *arguments) {
    const char *operation;
    struct ray_python_bytes payload, result = {0};
    Py_ssize_t count;
    if (!PyArg_ParseTuple(arguments, "sy#:control", &operation, &payload.data, &count)) return NULL;
    payload.count = (size_t)count;
    int status;
    Py_BEGIN_ALLOW_THREADS
    status = ray_python_control(operation, payload, &result);
    Py_END_ALLOW_THREADS
    return status < 0 ? raise_failure() : freed(result);
}

static PyObject *next_log(PyObject *module, PyObject *arguments) {
    int milliseconds, status;
    struct ray_python_bytes lines = {0};
    if (!PyArg_ParseTuple(arguments, "i:next_log", &milliseconds)) return NULL;
    Py_BEGIN_ALLOW_THREADS
    status = ray_python_next_log(milliseconds, &lines);
    Py_END_ALLOW_THREADS
    if (status == 1) return freed(lines);
    Py_RETURN_NONE;
}

PyMethodDef life_methods[] = {
    {"open", open_runtime, METH_O, "Opens the runtime; options as MessagePack."},
    {"close", close_runtime, METH_NOARGS, "Ends the runtime."},
    {"was_forked", was_forked, METH_NOARGS, "Whether this process was forked from one that had a runtime."},
    {"control", control, METH_VARARGS, "Performs an operation by name; payload and result as MessagePack."},
    {"next_log", next_log, METH_VARARGS, "The next lines of workers as MessagePack, or None after so many ms."},
    {NULL, NULL, 0, NULL},
};

// MARK: Connections to a control store

typedef struct {
    PyObject_HEAD
    void *connection;
    // The process that opened it.
    pid_t process;
} connection_object;

// Whether this is a process that was forked from the one that opened it, which goes on with the same socket.
static int is_of_parent(PyObject *self) { return ((connection_object *)self)->process != getpid(); }

static int connection_init(PyObject *self, PyObject *arguments, PyObject *keywords) {
    const char *host;
    int port;
    if (!PyArg_ParseTuple(arguments, "si:Connection", &host, &port)) return -1;
    void *connection;
    Py_BEGIN_ALLOW_THREADS
    connection = ray_python_connect(host, port);
    Py_END_ALLOW_THREADS
    if (connection == NULL) {
        raise_failure();
        return -1;
    }
    ((connection_object *)self)->connection = connection;
    ((connection_object *)self)->process = getpid();
    return 0;
}

static void connection_dealloc(PyObject *self) {
    void *connection = ((connection_object *)self)->connection;
    PyTypeObject *type = Py_TYPE(self);
    if (connection != NULL && !is_of_parent(self)) {
        Py_BEGIN_ALLOW_THREADS
        ray_python_disconnect(connection);
        Py_END_ALLOW_THREADS
    }
    freefunc release = PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

static PyObject *connection_request(PyObject *self, PyObject *arguments) {
    const char *operation;
    struct ray_python_bytes payload, result = {0};
    Py_ssize_t count;
    int milliseconds;
    if (!PyArg_ParseTuple(arguments, "sy#i:request", &operation, &payload.data, &count, &milliseconds)) return NULL;
    payload.count = (size_t)count;
    void *connection = ((connection_object *)self)->connection;
    if (is_of_parent(self)) {
        PyErr_SetString(
            PyExc_RuntimeError,
            "this process was forked from the one that opened the connection, and cannot use it: make a client here");
        return NULL;
    }
    int status;
    Py_BEGIN_ALLOW_THREADS
    status = ray_python_request(connection, operation, payload, milliseconds, &result);
    Py_END_ALLOW_THREADS
    return status < 0 ? raise_failure() : freed(result);
}

static PyMethodDef connection_methods[] = {
    {"request", connection_request, METH_VARARGS, "Asks by name, with a payload as MessagePack and a limit in ms."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot connection_slots[] = {
    {Py_tp_doc, "Connection(host, port): asks a control store without a runtime."},
    {Py_tp_init, connection_init},
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_dealloc, connection_dealloc},
    {Py_tp_methods, connection_methods},
    {0, NULL},
};

static PyType_Spec connection_spec = {
    .name = "swift_ray._core.Connection",
    .basicsize = sizeof(connection_object),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = connection_slots,
};

int add_connection_type(PyObject *module) {
    PyObject *type = PyType_FromSpec(&connection_spec);
    int status = type == NULL ? -1 : PyModule_AddObjectRef(module, "Connection", type);
    Py_XDECREF(type);
    return status;
}
