package kube

import (
	"reflect"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/kube-openapi/pkg/common"
	"k8s.io/kube-openapi/pkg/util"
	"k8s.io/kube-openapi/pkg/validation/spec"
)

// The schemas are read off the Go types while the server starts: their json and patch
// tags, and the words of their SwaggerDoc. The generated ones say nothing more that a
// client acts on, and are three megabytes of source.

// schemas makes the schemas of all types of a scheme.
type schemas struct {
	ref common.ReferenceCallback
	out map[string]common.OpenAPIDefinition
}

func definitions(scheme *runtime.Scheme) common.GetOpenAPIDefinitions {
	return func(ref common.ReferenceCallback) map[string]common.OpenAPIDefinition {
		s := schemas{ref, map[string]common.OpenAPIDefinition{}}
		for _, t := range scheme.AllKnownTypes() {
			s.define(t)
		}
		s.define(reflect.TypeFor[metav1.Patch]())
		s.define(reflect.TypeFor[version.Info]())
		return s.out
	}
}

// define makes the schema of a struct and of what is in it, and gives its name.
func (s *schemas) define(t reflect.Type) string {
	name := util.GetCanonicalTypeName(reflect.New(t).Interface())
	if _, known := s.out[name]; known {
		return name
	}
	s.out[name] = common.OpenAPIDefinition{} // types that hold themselves
	var d common.OpenAPIDefinition
	switch v := reflect.New(t).Elem().Interface().(type) {
	case common.OpenAPIV3DefinitionGetter:
		d = v.OpenAPIV3Definition()
	case common.OpenAPIDefinitionGetter:
		d = v.OpenAPIDefinition()
	case interface {
		OpenAPISchemaType() []string
		OpenAPISchemaFormat() string
	}:
		d.Schema = spec.Schema{SchemaProps: spec.SchemaProps{Type: v.OpenAPISchemaType(), Format: v.OpenAPISchemaFormat()}}
	default:
		d = s.structure(t)
	}
	s.out[name] = d
	return name
}

// atomic are the structs that are applied as a whole.
const atomic = " LabelSelector ObjectReference LocalObjectReference SecretReference TypedLocalObjectReference " +
	"NodeSelector NodeSelectorTerm ConfigMapKeySelector SecretKeySelector ObjectFieldSelector ResourceFieldSelector TopologySelectorTerm ScopeSelector "

func (s *schemas) structure(t reflect.Type) common.OpenAPIDefinition {
	var docs map[string]string
	if v, ok := reflect.New(t).Interface().(interface{ SwaggerDoc() map[string]string }); ok {
		docs = v.SwaggerDoc()
	}
	d := common.OpenAPIDefinition{Schema: spec.Schema{SchemaProps: spec.SchemaProps{
		Type: []string{"object"}, Description: docs[""], Properties: map[string]spec.Schema{},
	}}}
	if strings.Contains(atomic, " "+t.Name()+" ") {
		d.Schema.AddExtension("x-kubernetes-map-type", "atomic")
	}
	s.fields(t, docs, &d)
	return d
}

func (s *schemas) fields(t reflect.Type, docs map[string]string, d *common.OpenAPIDefinition) {
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported():
		case name == "" && (f.Anonymous || strings.Contains(options, "inline")):
			inline := f.Type
			if inline.Kind() == reflect.Pointer {
				inline = inline.Elem()
			}
			var docs map[string]string
			if v, ok := reflect.New(inline).Interface().(interface{ SwaggerDoc() map[string]string }); ok {
				docs = v.SwaggerDoc()
			}
			s.fields(inline, docs, d)
		case name != "":
			schema := s.schema(f.Type, d)
			schema.Description = docs[name]
			lists(&schema, f)
			if f.Type == reflect.TypeFor[corev1.Protocol]() {
				schema.Default = string(corev1.ProtocolTCP) // it is part of a key, and left out more often than not
			}
			d.Schema.Properties[name] = schema
			if !strings.Contains(options, "omit") && f.Type.Kind() != reflect.Pointer {
				d.Schema.Required = append(d.Schema.Required, name)
			}
		}
	}
}

// lists says how a list is merged: the tags that a patch goes by name one key, of
// which some have more.
func lists(schema *spec.Schema, f reflect.StructField) {
	strategy, key := f.Tag.Get("patchStrategy"), f.Tag.Get("patchMergeKey")
	if strategy != "" {
		schema.AddExtension("x-kubernetes-patch-strategy", strategy)
	}
	if key != "" {
		schema.AddExtension("x-kubernetes-patch-merge-key", key)
	}
	if f.Type.Kind() != reflect.Slice || f.Type.Elem().Kind() == reflect.Uint8 {
		return
	}
	switch key {
	case "":
		kind := "atomic"
		if strings.Contains(strategy, "merge") {
			kind = "set"
		}
		schema.AddExtension("x-kubernetes-list-type", kind)
	default:
		keys := []any{key}
		switch key {
		case "containerPort", "port":
			keys = append(keys, "protocol")
		case "topologyKey":
			keys = append(keys, "whenUnsatisfiable")
		}
		schema.AddExtension("x-kubernetes-list-type", "map")
		schema.AddExtension("x-kubernetes-list-map-keys", keys)
	}
}

func (s *schemas) schema(t reflect.Type, d *common.OpenAPIDefinition) spec.Schema {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	of := func(kind, format string) spec.Schema {
		return spec.Schema{SchemaProps: spec.SchemaProps{Type: []string{kind}, Format: format}}
	}
	switch {
	case t == reflect.TypeFor[Fields]():
		free := of("object", "")
		free.AddExtension("x-kubernetes-preserve-unknown-fields", true)
		return free
	case t.Kind() == reflect.Struct:
		name := s.define(t)
		d.Dependencies = append(d.Dependencies, name)
		return spec.Schema{SchemaProps: spec.SchemaProps{Default: map[string]any{}, Ref: s.ref(name)}}
	}
	switch t.Kind() {
	case reflect.Bool:
		return of("boolean", "")
	case reflect.Int32, reflect.Int16, reflect.Int8, reflect.Uint32, reflect.Uint16, reflect.Uint8:
		return of("integer", "int32")
	case reflect.Int, reflect.Int64, reflect.Uint, reflect.Uint64:
		return of("integer", "int64")
	case reflect.Float32, reflect.Float64:
		return of("number", "double")
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return of("string", "byte")
		}
		item := s.schema(t.Elem(), d)
		return spec.Schema{SchemaProps: spec.SchemaProps{Type: []string{"array"}, Items: &spec.SchemaOrArray{Schema: &item}}}
	case reflect.Map:
		item := s.schema(t.Elem(), d)
		return spec.Schema{SchemaProps: spec.SchemaProps{Type: []string{"object"}, AdditionalProperties: &spec.SchemaOrBool{Allows: true, Schema: &item}}}
	case reflect.Interface:
		return spec.Schema{}
	}
	return of("string", "")
}
