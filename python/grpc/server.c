// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0

#include "grpc.h"

typedef struct {
    PyObject_HEAD
    void *server;
} Server;

static PyObject *create(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"message_max", NULL};
    Py_ssize_t message_max;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "n", names, &message_max)) return NULL;
    if (message_max < 0) return PyErr_Format(PyExc_ValueError, "a size cannot be %zd", message_max);
    Server *self = PyObject_New(Server, type);
    if (self != NULL) self->server = ray_grpc_server((size_t)message_max);
    return (PyObject *)self;
}

static void deallocate(Server *self) {
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    Py_BEGIN_ALLOW_THREADS
    ray_grpc_stop(self->server, 0);
    ray_grpc_release_server(self->server);
    Py_END_ALLOW_THREADS
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyObject *bind(Server *self, PyObject *arguments) {
    const char *host;
    int port;
    if (!PyArg_ParseTuple(arguments, "si", &host, &port)) return NULL;
    char reason[256];
    int bound;
    Py_BEGIN_ALLOW_THREADS
    bound = ray_grpc_bind(self->server, host, port, reason, sizeof reason);
    Py_END_ALLOW_THREADS
    if (bound < 0) return PyErr_Format(PyExc_RuntimeError, "Cannot listen on %s, port %d: %s", host, port, reason);
    return PyLong_FromLong(bound);
}

static PyObject *next_call(Server *self, PyObject *arguments) {
    int milliseconds;
    if (!PyArg_ParseTuple(arguments, "i", &milliseconds)) return NULL;
    struct ray_grpc_call call;
    int come;
    Py_BEGIN_ALLOW_THREADS
    come = ray_grpc_next_call(self->server, milliseconds, &call);
    Py_END_ALLOW_THREADS
    if (come == 0) Py_RETURN_NONE;
    if (come < 0) return PyUnicode_InternFromString("stopped");
    return make_call(call.call);
}

static PyObject *stop(Server *self, PyObject *arguments) {
    int milliseconds;
    if (!PyArg_ParseTuple(arguments, "i", &milliseconds)) return NULL;
    Py_BEGIN_ALLOW_THREADS
    ray_grpc_stop(self->server, milliseconds);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"bind", (PyCFunction)bind, METH_VARARGS, "bind(host, port): listens as well; the port."},
    {"next_call", (PyCFunction)next_call, METH_VARARGS,
     "next_call(milliseconds): the next call, None if there is none yet, or 'stopped'."},
    {"stop", (PyCFunction)stop, METH_VARARGS,
     "stop(milliseconds): takes no more calls, and cuts off what has not ended till then."},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Server(message_max): takes messages of up to so many bytes."},
    {Py_tp_new, create},
    {Py_tp_dealloc, deallocate},
    {Py_tp_methods, methods},
    {0},
};

static PyType_Spec spec = {"swift_ray._grpc.Server", sizeof(Server), 0, Py_TPFLAGS_DEFAULT, slots};

int add_server_type(PyObject *module) {
    PyObject *type = PyType_FromSpec(&spec);
    if (type == NULL) return -1;
    int added = PyModule_AddObjectRef(module, "Server", type);
    Py_DECREF(type);
    return added;
}
