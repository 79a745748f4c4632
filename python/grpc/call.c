// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0

#include "grpc.h"

#define ACTOR_ID_SIZE 16

typedef struct {
    PyObject_HEAD
    void *call;
} Call;

static PyTypeObject *call_type;

PyObject *make_call(void *native) {
    Call *self = PyObject_New(Call, call_type);
    if (self == NULL) {
        ray_grpc_release_call(native);
        return NULL;
    }
    self->call = native;
    return (PyObject *)self;
}

static void deallocate(Call *self) {
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    ray_grpc_release_call(self->call);
    PyObject_Free(self);
    Py_DECREF(type);
}

// What is not UTF-8 stays what it is, as bytes that no text has.
static PyObject *text(struct ray_grpc_bytes bytes) {
    return PyUnicode_DecodeUTF8(bytes.data, (Py_ssize_t)bytes.count, "surrogateescape");
}

static PyObject *method(Call *self, void *closure) { return text(ray_grpc_method(self->call)); }

static PyObject *metadata(Call *self, void *closure) {
    PyObject *pairs = PyList_New(0);
    if (pairs == NULL) return NULL;
    struct ray_grpc_bytes name, value;
    for (size_t index = 0; ray_grpc_metadata(self->call, index, &name, &value); index++) {
        PyObject *pair = Py_BuildValue("(NN)", text(name), text(value));
        int failed = pair == NULL || PyList_Append(pairs, pair) < 0;
        Py_XDECREF(pair);
        if (failed) {
            Py_DECREF(pairs);
            return NULL;
        }
    }
    PyObject *result = PyList_AsTuple(pairs);
    Py_DECREF(pairs);
    return result;
}

// Gives the lock back even if a message is there: other threads work meanwhile, and more messages come.
static PyObject *receive(Call *self, PyObject *arguments) {
    int milliseconds;
    if (!PyArg_ParseTuple(arguments, "i", &milliseconds)) return NULL;
    struct ray_grpc_message message;
    int received;
    Py_BEGIN_ALLOW_THREADS
    received = ray_grpc_receive(self->call, milliseconds, &message);
    Py_END_ALLOW_THREADS
    if (received == 0) Py_RETURN_NONE;
    if (received == -1) return PyUnicode_InternFromString("end");
    if (received < -1) return PyUnicode_InternFromString("over");
    PyObject *bytes = PyBytes_FromStringAndSize(message.bytes.data, (Py_ssize_t)message.bytes.count);
    ray_grpc_release_message(message.owner);
    return bytes;
}

static PyObject *wake(Call *self, PyObject *unused) {
    ray_grpc_wake(self->call);
    Py_RETURN_NONE;
}

static PyObject *send(Call *self, PyObject *arguments) {
    Py_buffer message;
    int milliseconds;
    if (!PyArg_ParseTuple(arguments, "y*i", &message, &milliseconds)) return NULL;
    int sent;
    Py_BEGIN_ALLOW_THREADS
    sent = ray_grpc_send(self->call, (struct ray_grpc_bytes){message.buf, (size_t)message.len}, milliseconds);
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&message);
    if (sent == 0) Py_RETURN_NONE;
    return PyBool_FromLong(sent > 0);
}

static PyObject *finish(Call *self, PyObject *arguments) {
    int code;
    const char *details;
    Py_ssize_t details_size;
    Py_buffer last = {0};
    if (!PyArg_ParseTuple(arguments, "is#|y*", &code, &details, &details_size, &last)) return NULL;
    Py_BEGIN_ALLOW_THREADS
    ray_grpc_finish(
        self->call, code, (struct ray_grpc_bytes){details, (size_t)details_size},
        (struct ray_grpc_bytes){last.buf, (size_t)last.len});
    Py_END_ALLOW_THREADS
    if (last.obj != NULL) PyBuffer_Release(&last);
    Py_RETURN_NONE;
}

static PyObject *cancel(Call *self, PyObject *unused) {
    ray_grpc_cancel(self->call);
    Py_RETURN_NONE;
}

static PyObject *is_active(Call *self, PyObject *unused) { return PyBool_FromLong(ray_grpc_is_active(self->call)); }

static PyObject *begin(Call *self, PyObject *arguments) {
    const char *host, *service, *key;
    int port;
    if (!PyArg_ParseTuple(arguments, "siss", &host, &port, &service, &key)) return NULL;
    return make_outgoing(ray_grpc_begin(self->call, host, port, service, key));
}

static PyObject *pass_on(Call *self, PyObject *arguments) {
    PyObject *outgoing, *kept;
    if (!PyArg_ParseTuple(arguments, "OO!", &outgoing, &PyTuple_Type, &kept)) return NULL;
    void *native = native_outgoing(outgoing);
    if (native == NULL) return NULL;
    Py_ssize_t count = PyTuple_Size(kept);
    int *numbers = PyMem_Malloc(sizeof(int) * (size_t)(count + 1));
    if (numbers == NULL) return PyErr_NoMemory();
    for (Py_ssize_t index = 0; index < count; index++) numbers[index] = (int)PyLong_AsLong(PyTuple_GetItem(kept, index));
    if (!PyErr_Occurred()) ray_grpc_pass_on(self->call, native, numbers, (size_t)count);
    PyMem_Free(numbers);
    if (PyErr_Occurred()) return NULL;
    Py_RETURN_NONE;
}

static PyObject *serve(Call *self, PyObject *arguments) {
    PyObject *session;
    int caches;
    if (!PyArg_ParseTuple(arguments, "Op", &session, &caches)) return NULL;
    void *native = native_session(session);
    if (native == NULL) return NULL;
    ray_grpc_serve(self->call, native, caches);
    Py_RETURN_NONE;
}

static PyObject *is_unlearned(Call *self, PyObject *unused) {
    return PyBool_FromLong(ray_grpc_is_unlearned(self->call));
}

static PyObject *learn(Call *self, PyObject *arguments) {
    PyObject *capsule;
    const char *actor, *marker;
    Py_ssize_t actor_size, results_max, marker_size;
    if (!PyArg_ParseTuple(
            arguments, "Oz#ny#", &capsule, &actor, &actor_size, &results_max, &marker, &marker_size)) {
        return NULL;
    }
    void *call_template = PyCapsule_GetPointer(capsule, "swift_ray._core.template");
    if (call_template == NULL) return NULL;
    if (actor != NULL && actor_size != ACTOR_ID_SIZE) return PyErr_Format(PyExc_ValueError, "this is no actor's id");
    ray_grpc_learn(
        self->call, call_template, actor, (size_t)results_max, (struct ray_grpc_bytes){marker, (size_t)marker_size});
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"receive", (PyCFunction)receive, METH_VARARGS,
     "receive(milliseconds): the client's next message, None if there is none yet, 'end' if it has sent all, or 'over'."},
    {"wake", (PyCFunction)wake, METH_NOARGS, "Has who waits for a message get None, now or the next time."},
    {"send", (PyCFunction)send, METH_VARARGS,
     "send(message, milliseconds): whether somebody waits for it; None if the client takes nothing."},
    {"finish", (PyCFunction)finish, METH_VARARGS, "finish(code, details[, last]): ends the call with a status."},
    {"cancel", (PyCFunction)cancel, METH_NOARGS, "Ends the call without a status."},
    {"begin", (PyCFunction)begin, METH_VARARGS,
     "begin(host, port, service, key): begins the call at another server, where all calls of the service that have the "
     "same value of `key` go as long as this one is held."},
    {"pass_on", (PyCFunction)pass_on, METH_VARARGS,
     "pass_on(outgoing, kept): has messages go on to another server and back, but answers with one of the fields `kept`."},
    {"serve", (PyCFunction)serve, METH_VARARGS,
     "serve(session, caches): has plain requests on this stream answered without the program from now on."},
    {"is_unlearned", (PyCFunction)is_unlearned, METH_NOARGS,
     "Whether the call of Ray that was received last could be answered so, if it were known how."},
    {"learn", (PyCFunction)learn, METH_VARARGS,
     "learn(template, actor, results_max, marker): says how, with `marker` before each argument."},
    {"is_active", (PyCFunction)is_active, METH_NOARGS, "Whether the client waits for an answer."},
    {0},
};

static PyGetSetDef properties[] = {
    {"method", (getter)method, NULL, "'/package.Service/Method'", NULL},
    {"metadata", (getter)metadata, NULL, "Pairs of names and values.", NULL},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "One call of a client."},
    {Py_tp_dealloc, deallocate},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {0},
};

static PyType_Spec spec = {
    "swift_ray._grpc.Call", sizeof(Call), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots,
};

int add_call_type(PyObject *module) {
    call_type = (PyTypeObject *)PyType_FromSpec(&spec);
    return call_type == NULL ? -1 : PyModule_AddObjectRef(module, "Call", (PyObject *)call_type);
}
