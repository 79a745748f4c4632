// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0

#include "grpc.h"

typedef struct {
    PyObject_HEAD
    void *outgoing;
} Outgoing;

static PyTypeObject *outgoing_type;

PyObject *make_outgoing(void *native) {
    Outgoing *self = PyObject_New(Outgoing, outgoing_type);
    if (self == NULL) {
        ray_grpc_release_outgoing(native);
        return NULL;
    }
    self->outgoing = native;
    return (PyObject *)self;
}

void *native_outgoing(PyObject *object) {
    if (Py_TYPE(object) == outgoing_type) return ((Outgoing *)object)->outgoing;
    PyErr_SetString(PyExc_TypeError, "not a call at another server");
    return NULL;
}

static void deallocate(Outgoing *self) {
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    ray_grpc_release_outgoing(self->outgoing);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyObject *send(Outgoing *self, PyObject *message) {
    Py_buffer bytes;
    if (PyObject_GetBuffer(message, &bytes, PyBUF_SIMPLE) < 0) return NULL;
    ray_grpc_send_on(self->outgoing, (struct ray_grpc_bytes){bytes.buf, (size_t)bytes.len});
    PyBuffer_Release(&bytes);
    Py_RETURN_NONE;
}

static PyObject *receive(Outgoing *self, PyObject *arguments) {
    int milliseconds;
    if (!PyArg_ParseTuple(arguments, "i", &milliseconds)) return NULL;
    struct ray_grpc_message message;
    int received, code;
    Py_BEGIN_ALLOW_THREADS
    received = ray_grpc_receive_kept(self->outgoing, milliseconds, &message, &code);
    Py_END_ALLOW_THREADS
    if (received == 0) Py_RETURN_NONE;
    PyObject *result;
    if (received < 0) {
        PyObject *details = PyUnicode_DecodeUTF8(message.bytes.data, (Py_ssize_t)message.bytes.count, "replace");
        result = details == NULL ? NULL : Py_BuildValue("(iN)", code, details);
    } else {
        result = PyBytes_FromStringAndSize(message.bytes.data, (Py_ssize_t)message.bytes.count);
    }
    ray_grpc_release_message(message.owner);
    return result;
}

static PyMethodDef methods[] = {
    {"send", (PyCFunction)send, METH_O, "send(message): sends a message."},
    {"receive", (PyCFunction)receive, METH_VARARGS,
     "receive(milliseconds): the next answer that is kept, None if there is none yet, or the code and sentence of the end."},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "A call of this side to another server."},
    {Py_tp_dealloc, deallocate},
    {Py_tp_methods, methods},
    {0},
};

static PyType_Spec spec = {
    "swift_ray._grpc.Outgoing", sizeof(Outgoing), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots,
};

int add_outgoing_type(PyObject *module) {
    outgoing_type = (PyTypeObject *)PyType_FromSpec(&spec);
    return outgoing_type == NULL ? -1 : PyModule_AddObjectRef(module, "Outgoing", (PyObject *)outgoing_type);
}
