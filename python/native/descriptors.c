// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0

// Function descriptors: the names by which a worker finds what it shall run. They are keys of dictionaries, equal if
// their class and all names are. Making them from functions and classes is added in Python.

#include "native.h"

enum { MOST_FIELDS = 4 };

typedef struct {
    PyObject_HEAD
    Py_hash_t hash; // -1 until it is asked for
    PyObject *fields[MOST_FIELDS]; // str; null beyond those that the class has
} descriptor;

static PyTypeObject *base_type;

static PyObject *to_text(PyObject *value) {
    if (PyUnicode_Check(value)) {
        return Py_NewRef(value);
    }
    char *bytes;
    Py_ssize_t size;
    if (!PyBytes_Check(value)) {
        PyObject *name = PyType_GetName(Py_TYPE(value));
        if (name != NULL) {
            PyErr_Format(PyExc_TypeError, "expected bytes, %U found", name);
            Py_DECREF(name);
        }
        return NULL;
    }
    return PyBytes_AsStringAndSize(value, &bytes, &size) < 0 ? NULL : PyUnicode_DecodeUTF8(bytes, size, NULL);
}

static PyObject *make(PyTypeObject *type, PyObject *values[MOST_FIELDS], int count) {
    descriptor *self = (descriptor *)PyType_GenericAlloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    self->hash = -1;
    for (int index = 0; index < count; index++) {
        self->fields[index] = values[index] == NULL ? PyUnicode_FromString("") : to_text(values[index]);
        if (self->fields[index] == NULL) {
            Py_DECREF(self);
            return NULL;
        }
    }
    return (PyObject *)self;
}

static PyObject *base_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    PyErr_SetString(PyExc_TypeError, "type FunctionDescriptor is abstract");
    return NULL;
}

static PyObject *empty_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    return make(type, NULL, 0);
}

static PyObject *python_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"module_name", "function_name", "class_name", "function_source_hash", NULL};
    PyObject *values[MOST_FIELDS] = {NULL};
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "OO|OO:PythonFunctionDescriptor", names, &values[0],
                                     &values[1], &values[2], &values[3])) {
        return NULL;
    }
    return make(type, values, 4);
}

static PyObject *java_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"class_name", "function_name", "signature", NULL};
    PyObject *values[MOST_FIELDS] = {NULL};
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "OOO:JavaFunctionDescriptor", names, &values[0], &values[1],
                                     &values[2])) {
        return NULL;
    }
    return make(type, values, 3);
}

static PyObject *cpp_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"function_name", "caller", "class_name", NULL};
    PyObject *values[MOST_FIELDS] = {NULL};
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "OO|O:CppFunctionDescriptor", names, &values[0], &values[1],
                                     &values[2])) {
        return NULL;
    }
    return make(type, values, 3);
}

static void dealloc(PyObject *object) {
    descriptor *self = (descriptor *)object;
    PyTypeObject *type = Py_TYPE(object);
    for (int index = 0; index < MOST_FIELDS; index++) {
        Py_XDECREF(self->fields[index]);
    }
    freefunc release = PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

static Py_hash_t hash(PyObject *object) {
    descriptor *self = (descriptor *)object;
    if (self->hash != -1) {
        return self->hash;
    }
    uint64_t mixed = (uint64_t)(uintptr_t)Py_TYPE(object) >> 4;
    for (int index = 0; index < MOST_FIELDS && self->fields[index] != NULL; index++) {
        Py_hash_t part = PyObject_Hash(self->fields[index]);
        if (part == -1) {
            return -1;
        }
        mixed = (mixed ^ (uint64_t)part) * 0x9e3779b97f4a7c15;
        mixed ^= mixed >> 32;
    }
    self->hash = (Py_hash_t)mixed == -1 ? -2 : (Py_hash_t)mixed;
    return self->hash;
}

static PyObject *compare(PyObject *left, PyObject *right, int operation) {
    if (operation != Py_EQ && operation != Py_NE) {
        Py_RETURN_NOTIMPLEMENTED;
    }
    int is_equal = Py_TYPE(left) == Py_TYPE(right);
    descriptor *one = (descriptor *)left, *other = (descriptor *)right;
    for (int index = 0; is_equal == 1 && index < MOST_FIELDS && one->fields[index] != NULL; index++) {
        is_equal = PyObject_RichCompareBool(one->fields[index], other->fields[index], Py_EQ);
    }
    return is_equal < 0 ? NULL : PyBool_FromLong(is_equal == (operation == Py_EQ));
}

// The class and the names as UTF-8, as Ray pickles them.
static PyObject *reduce(PyObject *object, PyObject *unused) {
    descriptor *self = (descriptor *)object;
    PyObject *parts[MOST_FIELDS];
    int count = 0;
    for (; count < MOST_FIELDS && self->fields[count] != NULL; count++) {
        parts[count] = PyUnicode_AsUTF8String(self->fields[count]);
        if (parts[count] == NULL) {
            break;
        }
    }
    PyObject *arguments = PyErr_Occurred() ? NULL : PyTuple_New(count);
    for (int index = 0; index < count; index++) {
        if (arguments == NULL || PyTuple_SetItem(arguments, index, parts[index]) < 0) {
            Py_DECREF(parts[index]);
        }
    }
    return arguments == NULL ? NULL : Py_BuildValue("(ON)", (PyObject *)Py_TYPE(object), arguments);
}

static PyObject *get_field(PyObject *object, void *index) {
    return Py_NewRef(((descriptor *)object)->fields[(intptr_t)index]);
}

#define FIELD(name, index) {name, get_field, NULL, NULL, (void *)(intptr_t)(index)}
static PyGetSetDef python_fields[] = {
    FIELD("module_name", 0), FIELD("function_name", 1), FIELD("class_name", 2), FIELD("function_hash", 3), {NULL},
};
static PyGetSetDef java_fields[] = {
    FIELD("class_name", 0), FIELD("function_name", 1), FIELD("signature", 2), {NULL},
};
static PyGetSetDef cpp_fields[] = {
    FIELD("function_name", 0), FIELD("caller", 1), FIELD("class_name", 2), {NULL},
};

static PyMethodDef methods[] = {{"__reduce__", reduce, METH_NOARGS, "The class and its names as bytes."}, {NULL}};
static PyType_Slot base_slots[] = {
    {Py_tp_new, base_new},     {Py_tp_dealloc, dealloc}, {Py_tp_hash, hash}, {Py_tp_richcompare, compare},
    {Py_tp_methods, methods},  {0, NULL},
};
static PyType_Slot empty_slots[] = {{Py_tp_new, empty_new}, {0, NULL}};
static PyType_Slot python_slots[] = {{Py_tp_new, python_new}, {Py_tp_getset, python_fields}, {0, NULL}};
static PyType_Slot java_slots[] = {{Py_tp_new, java_new}, {Py_tp_getset, java_fields}, {0, NULL}};
static PyType_Slot cpp_slots[] = {{Py_tp_new, cpp_new}, {Py_tp_getset, cpp_fields}, {0, NULL}};

int add_descriptors(PyObject *module) {
    const struct { const char *name; PyType_Slot *slots; } classes[] = {
        {"ray._raylet.FunctionDescriptor", base_slots},       {"ray._raylet.EmptyFunctionDescriptor", empty_slots},
        {"ray._raylet.PythonFunctionDescriptor", python_slots}, {"ray._raylet.JavaFunctionDescriptor", java_slots},
        {"ray._raylet.CppFunctionDescriptor", cpp_slots},
    };
    for (size_t index = 0; index < sizeof classes / sizeof *classes; index++) {
        PyType_Spec spec = {classes[index].name, sizeof(descriptor), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
                            classes[index].slots};
        PyTypeObject *type = add_type(module, &spec, index == 0 ? NULL : base_type);
        if (type == NULL) {
            return -1;
        }
        base_type = index == 0 ? type : base_type;
    }
    return 0;
}
