// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0

// What all classes of ids have in common. An id is its bytes; a nil one has all bits set. Ids of different classes are
// never equal, also when one class is derived from the other.

#include "native.h"

#include <sys/random.h>
#include <unistd.h>

PyTypeObject *id_types[SWIFT_RAY_ID_COUNT];
PyTypeObject *base_id_type;

const unsigned char id_sizes[SWIFT_RAY_ID_COUNT] = {
    [SWIFT_RAY_OBJECT_REF] = UNIQUE_SIZE,     [SWIFT_RAY_JOB_ID] = JOB_SIZE,
    [SWIFT_RAY_TASK_ID] = TASK_SIZE,          [SWIFT_RAY_ACTOR_ID] = ACTOR_SIZE,
    [SWIFT_RAY_NODE_ID] = UNIQUE_SIZE,        [SWIFT_RAY_WORKER_ID] = UNIQUE_SIZE,
    [SWIFT_RAY_PLACEMENT_GROUP_ID] = GROUP_SIZE, [SWIFT_RAY_CLUSTER_ID] = UNIQUE_SIZE,
    [SWIFT_RAY_FUNCTION_ID] = UNIQUE_SIZE,    [SWIFT_RAY_ACTOR_CLASS_ID] = UNIQUE_SIZE,
    [SWIFT_RAY_UNIQUE_ID] = UNIQUE_SIZE,
};

// The kind of a class or of the nearest class of ours that it is derived from, -1 for `BaseID` and strangers.
int id_kind(PyTypeObject *type) {
    for (; type != NULL && type != base_id_type; type = PyType_GetSlot(type, Py_tp_base)) {
        for (int kind = 0; kind < SWIFT_RAY_ID_COUNT; kind++) {
            if (id_types[kind] == type) {
                return kind;
            }
        }
    }
    return -1;
}

// Whether it is a class of ours itself: then nobody can have replaced its methods.
bool id_is_exact(PyTypeObject *type) {
    for (int kind = 0; kind < SWIFT_RAY_ID_COUNT; kind++) {
        if (id_types[kind] == type) {
            return true;
        }
    }
    return false;
}

// Subclasses may take any arguments and need not call `__init__`: the id is nil until something sets it.
PyObject *id_alloc(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    int kind = id_kind(type);
    if (kind < 0) {
        PyErr_SetString(PyExc_NotImplementedError, "BaseID has no bytes of its own: use one of its subclasses");
        return NULL;
    }
    id_object *self = (id_object *)PyType_GenericAlloc(type, 0);
    if (self != NULL) {
        self->hash = -1;
        self->size = id_sizes[kind];
        memset(self->bytes, 0xff, UNIQUE_SIZE);
    }
    return (PyObject *)self;
}

void id_dealloc(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    freefunc release = PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

static int check_length(Py_ssize_t wanted, Py_ssize_t given) {
    if (wanted == given) {
        return 0;
    }
    PyErr_Format(PyExc_ValueError, "ID string needs to have length %zd, got %zd", wanted, given);
    return -1;
}

int id_assign(id_object *self, PyObject *bytes) {
    if (!PyBytes_Check(bytes)) {
        PyErr_Format(PyExc_TypeError, "Unsupported type: %R, expected bytes", (PyObject *)Py_TYPE(bytes));
        return -1;
    }
    if (check_length(self->size, PyBytes_Size(bytes)) < 0) {
        return -1;
    }
    memcpy(self->bytes, PyBytes_AsString(bytes), self->size);
    self->hash = -1;
    return 0;
}

static int id_init(PyObject *self, PyObject *arguments, PyObject *keywords) {
    PyObject *bytes;
    if (keywords == NULL && PyTuple_Size(arguments) == 1) {
        bytes = PyTuple_GetItem(arguments, 0);
    } else {
        static char *names[] = {"id", NULL};
        if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O:__init__", names, &bytes)) {
            return -1;
        }
    }
    return id_assign((id_object *)self, bytes);
}

// Calls the class, unless it is ours: what a subclass does in `__init__` must happen.
PyObject *id_make(PyTypeObject *type, const unsigned char *bytes, Py_ssize_t size) {
    if (!id_is_exact(type)) {
        return PyObject_CallFunction((PyObject *)type, "y#", (const char *)bytes, size);
    }
    id_object *self = (id_object *)id_alloc(type, NULL, NULL);
    if (self != NULL && check_length(self->size, size) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    if (self != NULL) {
        memcpy(self->bytes, bytes, (size_t)size);
    }
    return (PyObject *)self;
}

bool id_is_nil(const id_object *self) {
    for (int index = 0; index < self->size; index++) {
        if (self->bytes[index] != 0xff) {
            return false;
        }
    }
    return true;
}

static Py_hash_t id_hash(PyObject *object) {
    id_object *self = (id_object *)object;
    if (self->hash == -1) {
        Py_hash_t hash = (Py_hash_t)murmur_hash(self->bytes, self->size);
        self->hash = hash == -1 ? -2 : hash;
    }
    return self->hash;
}

static PyObject *id_compare(PyObject *left, PyObject *right, int operation) {
    if (operation != Py_EQ && operation != Py_NE) {
        Py_RETURN_NOTIMPLEMENTED;
    }
    bool is_equal = false;
    if (Py_TYPE(left) == Py_TYPE(right)) {
        if (id_is_exact(Py_TYPE(left))) {
            id_object *self = (id_object *)left;
            is_equal = memcmp(self->bytes, ((id_object *)right)->bytes, self->size) == 0;
        } else {
            PyObject *own = PyObject_CallMethod(left, "binary", NULL);
            PyObject *other = own == NULL ? NULL : PyObject_CallMethod(right, "binary", NULL);
            int result = other == NULL ? -1 : PyObject_RichCompareBool(own, other, Py_EQ);
            Py_XDECREF(own);
            Py_XDECREF(other);
            if (result < 0) {
                return NULL;
            }
            is_equal = result;
        }
    }
    return PyBool_FromLong(is_equal == (operation == Py_EQ));
}

PyObject *id_binary(PyObject *object, PyObject *unused) {
    id_object *self = (id_object *)object;
    return PyBytes_FromStringAndSize((const char *)self->bytes, self->size);
}

PyObject *id_hex(PyObject *object, PyObject *unused) {
    id_object *self = (id_object *)object;
    return hex_string(self->bytes, self->size);
}

PyObject *id_test_nil(PyObject *object, PyObject *unused) { return PyBool_FromLong(id_is_nil((id_object *)object)); }

// These ask the object, not its memory: a subclass of a client waits for its id there.
static PyObject *id_repr(PyObject *object) {
    PyObject *hex = PyObject_CallMethod(object, "hex", NULL);
    PyObject *name = hex == NULL ? NULL : PyType_GetName(Py_TYPE(object));
    PyObject *text = name == NULL ? NULL : PyUnicode_FromFormat("%U(%U)", name, hex);
    Py_XDECREF(name);
    Py_XDECREF(hex);
    return text;
}

static PyObject *id_to_bytes(PyObject *object, PyObject *unused) {
    return PyObject_CallMethod(object, "binary", NULL);
}

static PyObject *id_reduce(PyObject *object, PyObject *unused) {
    PyObject *bytes = PyObject_CallMethod(object, "binary", NULL);
    return bytes == NULL ? NULL : Py_BuildValue("O(N)", (PyObject *)Py_TYPE(object), bytes);
}

static PyObject *id_shard_hash(PyObject *object, PyObject *unused) {
    id_object *self = (id_object *)object;
    return PyLong_FromUnsignedLongLong(murmur_hash(self->bytes, self->size));
}

PyObject *id_set(PyObject *object, PyObject *bytes) {
    if (id_assign((id_object *)object, bytes) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *id_from_binary(PyObject *type, PyObject *bytes) {
    if (id_is_exact((PyTypeObject *)type) && PyBytes_Check(bytes)) {
        return id_make((PyTypeObject *)type, (const unsigned char *)PyBytes_AsString(bytes), PyBytes_Size(bytes));
    }
    return PyObject_CallFunctionObjArgs(type, bytes, NULL);
}

PyObject *id_size(PyObject *type, PyObject *unused) {
    int kind = id_kind((PyTypeObject *)type);
    if (kind < 0) {
        PyErr_SetString(PyExc_NotImplementedError, "BaseID.size");
        return NULL;
    }
    return PyLong_FromLong(id_sizes[kind]);
}

PyObject *id_nil(PyObject *type, PyObject *unused) {
    unsigned char bytes[UNIQUE_SIZE];
    memset(bytes, 0xff, sizeof bytes);
    return id_make((PyTypeObject *)type, bytes, id_sizes[id_kind((PyTypeObject *)type)]);
}

// `random` random bytes, then the rest from `tail`.
PyObject *id_from_random(PyTypeObject *type, int random, const unsigned char *tail) {
    unsigned char bytes[UNIQUE_SIZE];
    int size = id_sizes[id_kind(type)];
    if (getentropy(bytes, (size_t)random) != 0) {
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    if (random < size) {
        memcpy(bytes + random, tail, (size_t)(size - random));
    }
    return id_make(type, bytes, size);
}

PyObject *id_random(PyObject *type, PyObject *unused) {
    return id_from_random((PyTypeObject *)type, id_sizes[id_kind((PyTypeObject *)type)], NULL);
}

const unsigned char *id_bytes_of(PyObject *object, swift_ray_id_kind kind) {
    if (Py_TYPE(object) == id_types[kind] || PyObject_TypeCheck(object, id_types[kind])) {
        return ((id_object *)object)->bytes;
    }
    PyObject *name = PyType_GetName(id_types[kind]);
    if (name != NULL) {
        PyErr_Format(PyExc_TypeError, "expected %U, got %R", name, (PyObject *)Py_TYPE(object));
        Py_DECREF(name);
    }
    return NULL;
}

static PyMethodDef base_id_methods[] = {
    {"__bytes__", id_to_bytes, METH_NOARGS, "The bytes of the id."},
    {"__reduce__", id_reduce, METH_NOARGS, "The class and the bytes."},
    {"binary", id_binary, METH_NOARGS, "The bytes of the id."},
    {"hex", id_hex, METH_NOARGS, "The bytes in hexadecimal digits."},
    {"is_nil", id_test_nil, METH_NOARGS, "Whether all bits are set."},
    {"redis_shard_hash", id_shard_hash, METH_NOARGS, "MurmurHash64A of the bytes."},
    {"from_binary", id_from_binary, METH_O | METH_CLASS, "An id from its bytes."},
    {"from_hex", id_refuse_hex, METH_O | METH_CLASS, "Only for the classes that have it."},
    {"size", id_size, METH_NOARGS | METH_CLASS, "The number of bytes of an id of this class."},
    {NULL},
};

static PyType_Slot base_slots[] = {
    {Py_tp_new, id_alloc},        {Py_tp_init, id_init},           {Py_tp_dealloc, id_dealloc},
    {Py_tp_hash, id_hash},        {Py_tp_richcompare, id_compare}, {Py_tp_repr, id_repr},
    {Py_tp_methods, base_id_methods}, {0, NULL},
};
PyType_Spec base_id_spec = {
    "ray._raylet.BaseID", sizeof(id_object), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, base_slots,
};
