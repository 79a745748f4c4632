// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0

// `ObjectRef`: an id that keeps its object alive. Construction and destruction call two functions of the core, if it
// has set them; both run under the interpreter's lock, on any thread, also while the interpreter ends. Methods that
// wait (await, future, callbacks) are added in Python.

#include "native.h"

// Counts one reference; 0 if nobody knows the object and no owner is named.
typedef int (*add_function)(const unsigned char id[UNIQUE_SIZE], const void *owner, size_t owner_size);
typedef void (*remove_function)(const unsigned char id[UNIQUE_SIZE]);

static add_function add_reference;
static remove_function remove_reference;
// Counts settings of the functions: a core that is gone, or its successor, hears nothing of its references.
static uint32_t generation;
// Says, for a new reference, where in the program it was made; null unless that is recorded.
static PyObject *call_site_function;
// Raises where Ray is not connected; null until Ray's own serialization is there.
static PyObject *connection_check;

typedef struct {
    id_object id;
    // The generation that counts this one, 0 if none does.
    uint32_t counted_by;
    PyObject *owner_address; // bytes, null if empty
    PyObject *call_site;     // str, null if empty
    PyObject *tensor_transport;
} ref_object;

static void count(ref_object *self, bool is_counted) {
    if (add_reference == NULL || id_is_nil(&self->id)) {
        return;
    }
    if (!is_counted) {
        const char *owner = self->owner_address == NULL ? NULL : PyBytes_AsString(self->owner_address);
        size_t size = owner == NULL ? 0 : (size_t)PyBytes_Size(self->owner_address);
        is_counted = add_reference(self->id.bytes, owner, size) != 0;
    }
    self->counted_by = is_counted ? generation : 0;
}

static void uncount(ref_object *self) {
    if (self->counted_by != 0 && self->counted_by == generation && remove_reference != NULL) {
        remove_reference(self->id.bytes);
    }
    self->counted_by = 0;
}

static void replace(PyObject **place, PyObject *object) {
    PyObject *old = *place;
    *place = object;
    Py_XDECREF(old);
}

// bytes from bytes or str, or str from either. Null without an exception for an empty one.
static int take_text(PyObject *value, bool wants_bytes, PyObject **out) {
    Py_ssize_t size;
    const char *text;
    if (PyUnicode_Check(value)) {
        text = PyUnicode_AsUTF8AndSize(value, &size);
    } else if (PyBytes_Check(value)) {
        text = PyBytes_AsString(value);
        size = PyBytes_Size(value);
    } else {
        PyObject *name = PyType_GetName(Py_TYPE(value));
        if (name != NULL) {
            PyErr_Format(PyExc_TypeError, "expected bytes, %U found", name);
            Py_DECREF(name);
        }
        return -1;
    }
    if (text == NULL) {
        return -1;
    }
    PyObject *result = NULL;
    if (size > 0 && (wants_bytes ? PyBytes_CheckExact(value) : PyUnicode_CheckExact(value))) {
        result = Py_NewRef(value); // Thousands of references in one value share their owner's address.
    } else if (size > 0) {
        result = wants_bytes ? PyBytes_FromStringAndSize(text, size) : PyUnicode_DecodeUTF8(text, size, NULL);
        if (result == NULL) {
            return -1;
        }
    }
    replace(out, result);
    return 0;
}

// Asks where this reference was made; what goes wrong there is shown and costs the program nothing.
static void take_call_site(ref_object *self) {
    PyObject *function = Py_NewRef(call_site_function);
    PyObject *site = PyObject_CallFunctionObjArgs(function, (PyObject *)self, NULL);
    if (site == NULL || (self->call_site == NULL && take_text(site, false, &self->call_site) < 0)) {
        PyErr_WriteUnraisable(function);
    }
    Py_XDECREF(site);
    Py_DECREF(function);
}

// Makes `self` a reference to the object with this id; null for what is not known of it.
static int fill(ref_object *self, PyObject *bytes, PyObject *owner, PyObject *call_site, PyObject *transport,
                bool is_counted) {
    uncount(self);
    if (id_assign(&self->id, bytes) < 0 || (owner != NULL && take_text(owner, true, &self->owner_address) < 0) ||
        (call_site != NULL && take_text(call_site, false, &self->call_site) < 0)) {
        return -1;
    }
    if (transport != NULL && transport != Py_None) {
        replace(&self->tensor_transport, Py_NewRef(transport));
    }
    count(self, is_counted);
    if (call_site_function != NULL && self->counted_by != 0) {
        take_call_site(self);
    }
    return 0;
}

static int ref_init(PyObject *object, PyObject *arguments, PyObject *keywords) {
    PyObject *bytes, *owner = NULL, *call_site = NULL, *transport = NULL;
    int is_counted = 0;
    if (keywords == NULL && PyTuple_Size(arguments) == 1) {
        bytes = PyTuple_GetItem(arguments, 0);
    } else {
        static char *names[] = {"id", "owner_addr", "call_site_data", "skip_adding_local_ref", "tensor_transport",
                                NULL};
        if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O|OOpO:__init__", names, &bytes, &owner, &call_site,
                                         &is_counted, &transport)) {
            return -1;
        }
    }
    return fill((ref_object *)object, bytes, owner, call_site, transport, is_counted);
}

// _object_ref_deserializer(id, call site, owner's address, status, tensor transport) -> ObjectRef: what the references
// in pickles are made by, under the name of Ray's function that does it.
PyObject *object_ref_from_pickle(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    if (count != 5) {
        PyErr_Format(PyExc_TypeError, "_object_ref_deserializer takes 5 arguments, not %zd", count);
        return NULL;
    }
    if (add_reference == NULL && connection_check != NULL) {
        int has_owner = PyObject_IsTrue(arguments[2]);
        PyObject *nothing = has_owner > 0 ? PyObject_CallNoArgs(connection_check) : NULL;
        if (has_owner < 0 || (has_owner > 0 && nothing == NULL)) {
            return NULL;
        }
        Py_XDECREF(nothing);
    }
    PyObject *object = id_alloc(id_types[SWIFT_RAY_OBJECT_REF], NULL, NULL);
    if (object != NULL &&
        fill((ref_object *)object, arguments[0], arguments[2], arguments[1], arguments[4], false) < 0) {
        Py_CLEAR(object);
    }
    return object;
}

// set_connection_check(function): what raises if there is no runtime for references that come in pickles.
PyObject *set_connection_check(PyObject *module, PyObject *function) {
    replace(&connection_check, Py_NewRef(function));
    Py_RETURN_NONE;
}

PyObject *object_ref_make(const unsigned char *id, const char *owner, Py_ssize_t owner_size, int is_counted) {
    ref_object *self = (ref_object *)id_alloc(id_types[SWIFT_RAY_OBJECT_REF], NULL, NULL);
    if (self == NULL) {
        return NULL;
    }
    memcpy(self->id.bytes, id, UNIQUE_SIZE);
    count(self, is_counted);
    if (owner_size > 0 && (self->owner_address = PyBytes_FromStringAndSize(owner, owner_size)) == NULL) {
        Py_DECREF(self);
        return NULL;
    }
    if (call_site_function != NULL && self->counted_by != 0) {
        take_call_site(self);
    }
    return (PyObject *)self;
}

static void ref_dealloc(PyObject *object) {
    ref_object *self = (ref_object *)object;
    uncount(self);
    Py_XDECREF(self->owner_address);
    Py_XDECREF(self->call_site);
    Py_XDECREF(self->tensor_transport);
    id_dealloc(object);
}

static PyObject *ref_set(PyObject *object, PyObject *bytes) {
    ref_object *self = (ref_object *)object;
    bool was_counted = self->counted_by != 0;
    uncount(self);
    PyObject *result = id_set(object, bytes);
    if (was_counted) {
        count(self, false);
    }
    return result;
}

static PyObject *ref_task(PyObject *object, PyObject *unused) {
    return id_make(id_types[SWIFT_RAY_TASK_ID], ((id_object *)object)->bytes, TASK_SIZE);
}

static PyObject *ref_job(PyObject *object, PyObject *unused) {
    PyObject *task = ref_task(object, NULL);
    PyObject *job = task == NULL ? NULL : PyObject_CallMethod(task, "job_id", NULL);
    Py_XDECREF(task);
    return job;
}

static PyObject *ref_owner(PyObject *object, PyObject *unused) {
    PyObject *owner = ((ref_object *)object)->owner_address;
    return owner == NULL ? PyBytes_FromString("") : Py_NewRef(owner);
}

static PyObject *ref_call_site(PyObject *object, PyObject *unused) {
    PyObject *call_site = ((ref_object *)object)->call_site;
    return call_site == NULL ? PyUnicode_FromString("") : Py_NewRef(call_site);
}

static PyObject *ref_transport(PyObject *object, PyObject *unused) {
    PyObject *transport = ((ref_object *)object)->tensor_transport;
    return Py_NewRef(transport == NULL ? Py_None : transport);
}

// A random task's object with index 0.
static PyObject *ref_random(PyObject *type, PyObject *unused) {
    static const unsigned char index[UNIQUE_SIZE - TASK_SIZE];
    return id_from_random((PyTypeObject *)type, TASK_SIZE, index);
}

// set_reference_functions(add, remove): capsules of an `add_function` and a `remove_function`, or None for both.
PyObject *set_reference_functions(PyObject *module, PyObject *arguments) {
    PyObject *capsules[2];
    void *functions[2] = {NULL, NULL};
    if (!PyArg_ParseTuple(arguments, "OO:set_reference_functions", &capsules[0], &capsules[1])) {
        return NULL;
    }
    for (int index = 0; index < 2 && capsules[index] != Py_None; index++) {
        if (!PyCapsule_CheckExact(capsules[index])) {
            PyErr_SetString(PyExc_TypeError, "set_reference_functions: a capsule or None");
            return NULL;
        }
        functions[index] = PyCapsule_GetPointer(capsules[index], PyCapsule_GetName(capsules[index]));
    }
    if ((functions[0] == NULL) != (functions[1] == NULL)) {
        PyErr_SetString(PyExc_ValueError, "set_reference_functions: both functions or none");
        return NULL;
    }
    add_reference = (add_function)functions[0];
    remove_reference = (remove_function)functions[1];
    generation += 1;
    Py_RETURN_NONE;
}

// set_call_site_function(function): called with each new reference, gives where it was made; None ends that.
PyObject *set_call_site_function(PyObject *module, PyObject *function) {
    replace(&call_site_function, function == Py_None ? NULL : Py_NewRef(function));
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"_set_id", ref_set, METH_O, "Replaces the bytes."},
    {"task_id", ref_task, METH_NOARGS, "The task that made the object."},
    {"job_id", ref_job, METH_NOARGS, "The job of that task."},
    {"owner_address", ref_owner, METH_NOARGS, "The serialized address of the owner, b\"\" if unknown."},
    {"call_site", ref_call_site, METH_NOARGS, "Where the reference was made, \"\" unless recorded."},
    {"tensor_transport", ref_transport, METH_NOARGS, "How tensors of the object travel, or None."},
    {"nil", id_nil, METH_NOARGS | METH_CLASS, "The id with all bits set."},
    {"from_random", ref_random, METH_NOARGS | METH_CLASS, "A reference to an object that does not exist."},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, "ObjectRef[type] for annotations."},
    {NULL},
};
static PyType_Slot slots[] = {
    {Py_tp_init, ref_init}, {Py_tp_dealloc, ref_dealloc}, {Py_tp_methods, methods},
    {Py_tp_doc, "A reference to an object; the object lives as long as references to it do."}, {0, NULL},
};
static PyType_Spec spec = {"ray.ObjectRef", sizeof(ref_object), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};

int add_object_ref(PyObject *module) {
    id_types[SWIFT_RAY_OBJECT_REF] = add_type(module, &spec, base_id_type);
    return id_types[SWIFT_RAY_OBJECT_REF] == NULL ? -1 : 0;
}
