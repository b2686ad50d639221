package kube

import (
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// headers are what the real kubectl shows of the real server's kinds with -A -o wide.
// TestRealColumns asks it again.
func headers() [][2]string {
	return [][2]string{
		{"ns", "NAME STATUS AGE"},
		{"nodes", "NAME STATUS ROLES AGE VERSION INTERNAL-IP EXTERNAL-IP OS-IMAGE KERNEL-VERSION CONTAINER-RUNTIME"},
		{"pods", "NAMESPACE NAME READY STATUS RESTARTS AGE IP NODE NOMINATED NODE READINESS GATES"},
		{"svc", "NAMESPACE NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE SELECTOR"},
		{"cm", "NAMESPACE NAME DATA AGE"},
		{"secrets", "NAMESPACE NAME TYPE DATA AGE"},
		{"sa", "NAMESPACE NAME AGE"},
		{"pv", "NAME CAPACITY ACCESS MODES RECLAIM POLICY STATUS CLAIM STORAGECLASS VOLUMEATTRIBUTESCLASS REASON AGE VOLUMEMODE"},
		{"pvc", "NAMESPACE NAME STATUS VOLUME CAPACITY ACCESS MODES STORAGECLASS VOLUMEATTRIBUTESCLASS AGE VOLUMEMODE"},
		{"events", "NAMESPACE LAST SEEN TYPE REASON OBJECT SUBOBJECT SOURCE MESSAGE FIRST SEEN COUNT NAME"},
		{"deploy", "NAMESPACE NAME READY UP-TO-DATE AVAILABLE AGE CONTAINERS IMAGES SELECTOR"},
		{"rs", "NAMESPACE NAME DESIRED CURRENT READY AGE CONTAINERS IMAGES SELECTOR"},
		{"sts", "NAMESPACE NAME READY AGE CONTAINERS IMAGES"},
		{"ds", "NAMESPACE NAME DESIRED CURRENT READY UP-TO-DATE AVAILABLE NODE SELECTOR AGE CONTAINERS IMAGES SELECTOR"},
		{"controllerrevisions", "NAMESPACE NAME CONTROLLER REVISION AGE"},
		{"jobs", "NAMESPACE NAME STATUS COMPLETIONS DURATION AGE CONTAINERS IMAGES SELECTOR"},
		{"pdb", "NAMESPACE NAME MIN AVAILABLE MAX UNAVAILABLE ALLOWED DISRUPTIONS AGE"},
		{"leases", "NAMESPACE NAME HOLDER AGE"},
		{"endpointslices", "NAMESPACE NAME ADDRESSTYPE PORTS ENDPOINTS AGE"},
		{"ing", "NAMESPACE NAME CLASS HOSTS ADDRESS PORTS AGE"},
		{"sc", "NAME PROVISIONER RECLAIMPOLICY VOLUMEBINDINGMODE ALLOWVOLUMEEXPANSION AGE"},
	}
}

// header is the first line of a table.
func header(table string) string {
	first, _, _ := strings.Cut(table, "\n")
	return strings.Join(strings.Fields(first), " ")
}

func TestColumns(t *testing.T) {
	s := newSite(t)
	s.Create(&batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "once"},
		Spec:       batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "app", Image: "busybox"}}}}},
	})
	for _, h := range headers() {
		if out, _ := s.kubectl("admin", nil, "", "get", h[0], "-A", "-o", "wide"); header(out) != h[1] {
			t.Errorf("%s are shown as\n%s, not as\n%s", h[0], header(out), h[1])
		}
	}
}
