// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0

#include "grpc.h"

#define OBJECT_ID_SIZE 28

typedef struct {
    PyObject_HEAD
    void *session;
} Session;

static PyTypeObject *session_type;

void *native_session(PyObject *object) {
    if (Py_TYPE(object) == session_type) return ((Session *)object)->session;
    PyErr_SetString(PyExc_TypeError, "this is no session");
    return NULL;
}

static PyObject *create(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"client", "arrays", NULL};
    const char *client, *arrays;
    Py_ssize_t size, arrays_size;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "s#s#", names, &client, &size, &arrays, &arrays_size)) {
        return NULL;
    }
    Session *self = PyObject_New(Session, type);
    if (self != NULL) {
        self->session = ray_grpc_session(
            (struct ray_grpc_bytes){client, (size_t)size}, (struct ray_grpc_bytes){arrays, (size_t)arrays_size});
    }
    return (PyObject *)self;
}

static void deallocate(Session *self) {
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    ray_grpc_release_session(self->session);
    PyObject_Free(self);
    Py_DECREF(type);
}

// The bytes of an id, or NULL without an exception: what is none, no client has.
static const void *object_id(PyObject *bytes) {
    char *id;
    Py_ssize_t size;
    if (!PyBytes_Check(bytes) || PyBytes_AsStringAndSize(bytes, &id, &size) < 0) return NULL;
    return size == OBJECT_ID_SIZE ? id : NULL;
}

// Keeps the interpreter's lock, which whoever holds a session's never wants: another thread would have it for long.
static PyObject *answer(Session *self, PyObject *bytes, int (*function)(void *, const void *)) {
    const void *id = object_id(bytes);
    return PyBool_FromLong(id != NULL && function(self->session, id));
}

static PyObject *insert(Session *self, PyObject *id) { return answer(self, id, ray_grpc_session_insert); }

static PyObject *contains(Session *self, PyObject *id) { return answer(self, id, ray_grpc_session_contains); }

static PyObject *remove_object(Session *self, PyObject *id) { return answer(self, id, ray_grpc_session_remove); }

static PyObject *count(Session *self, PyObject *unused) {
    return PyLong_FromSize_t(ray_grpc_session_count(self->session));
}

static PyObject *end(Session *self, PyObject *unused) {
    Py_BEGIN_ALLOW_THREADS
    ray_grpc_end_session(self->session);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyObject *pause_all(PyObject *type, PyObject *are_paused) {
    int is_true = PyObject_IsTrue(are_paused);
    if (is_true < 0) return NULL;
    ray_grpc_pause_sessions(is_true);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"insert", (PyCFunction)insert, METH_O, "insert(id): the client has an object that the program holds, too."},
    {"contains", (PyCFunction)contains, METH_O, "contains(id): whether the client has an object."},
    {"remove", (PyCFunction)remove_object, METH_O, "remove(id): the client has it no longer; whether it had it."},
    {"count", (PyCFunction)count, METH_NOARGS, "How many objects the client has."},
    {"pause_all", pause_all, METH_O | METH_STATIC,
     "pause_all(are_paused): leaves the requests of all clients to the program, or no longer."},
    {"end", (PyCFunction)end, METH_NOARGS, "Gives back all that the client has."},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Session(client, arrays): what a client has of the cluster; the same for every object of that name. "
     "`arrays` is the module whose `_frombuffer` makes NumPy arrays; empty if there is none."},
    {Py_tp_new, create},
    {Py_tp_dealloc, deallocate},
    {Py_tp_methods, methods},
    {0},
};

static PyType_Spec spec = {"swift_ray._grpc.Session", sizeof(Session), 0, Py_TPFLAGS_DEFAULT, slots};

int add_session_type(PyObject *module) {
    session_type = (PyTypeObject *)PyType_FromSpec(&spec);
    return session_type == NULL ? -1 : PyModule_AddObjectRef(module, "Session", (PyObject *)session_type);
}
