package shop

import (
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"wheelhouse/backend/sandbox"
	"wheelhouse/backend/sandbox/kube"
)

// Registry is where the company keeps its images.
const Registry = "registry.shop.example"

// Image is the one of a version of a program.
func Image(program, tag string) string { return Registry + "/" + program + ":" + tag }

// template is what a pod of a program is made from.
func template(p sandbox.Program, tag string, w where) corev1.PodTemplateSpec {
	memory := func(mib int64) resource.Quantity { return *resource.NewQuantity(mib<<20, resource.BinarySI) }
	labels := map[string]string{"app": p.Name, "team": w.team, "spring-boot": "true"}
	seconds := int64(60)
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: labels},
		Spec: corev1.PodSpec{
			Containers: []corev1.Container{{
				Name: "app", Image: Image(p.Name, tag), Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: httpPort}, {Name: "management", ContainerPort: managementPort}},
				Env: []corev1.EnvVar{{Name: "SPRING_PROFILES_ACTIVE", Value: w.cluster}},
				Resources: corev1.ResourceRequirements{
					Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("250m"), corev1.ResourceMemory: memory(p.Memory * 5 / 4)},
					Limits:   corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1500m"), corev1.ResourceMemory: memory(p.Memory * 9 / 4)},
				},
				ReadinessProbe: &corev1.Probe{
					ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/actuator/health/readiness", Port: intstr.FromString("management")}}, PeriodSeconds: 5,
				},
			}},
			Tolerations: []corev1.Toleration{{Key: corev1.TaintNodeUnreachable, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: &seconds}},
		},
	}
}

const namespace = "shop"

// namespaces are those that each cluster has.
func namespaces() []string {
	return []string{"default", "kube-system", "kube-node-lease", namespace, "batch"}
}

// furnish puts into a cluster what it begins with.
func furnish(c *kube.Cluster, name string, all []sandbox.Program) error {
	for _, ns := range namespaces() {
		c.Create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}})
	}
	authorize(c)
	for _, p := range all {
		w := home()[p.Name]
		if w.cluster != name {
			continue
		}
		selector := &metav1.LabelSelector{MatchLabels: map[string]string{"app": p.Name}}
		meta := metav1.ObjectMeta{Namespace: namespace, Name: p.Name, Labels: map[string]string{"app": p.Name, "team": w.team}}
		replicas := int32(w.replicas) //nolint:gosec // a handful
		switch {
		case onArgo(p.Name):
			if err := canary(c, p, w); err != nil {
				return err
			}
		case p.Writes: // what keeps something has pods with names of their own, of which there is never a second
			c.Create(&appsv1.StatefulSet{ObjectMeta: meta, Spec: appsv1.StatefulSetSpec{Replicas: &replicas, ServiceName: p.Name, Selector: selector, Template: template(p, first()[p.Name], w)}})
		default:
			c.Create(&appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{Replicas: &replicas, Selector: selector, Template: template(p, first()[p.Name], w)}})
		}
		c.Create(&corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{Selector: selector.MatchLabels, Ports: []corev1.ServicePort{{Name: "http", Port: 80, TargetPort: intstr.FromInt32(8080)}}}})
		one := intstr.FromInt32(1)
		c.Create(&policyv1.PodDisruptionBudget{ObjectMeta: meta, Spec: policyv1.PodDisruptionBudgetSpec{MaxUnavailable: &one, Selector: selector}})
	}
	system(c, name)
	company(c, name)
	return nil
}

// company is what works for the programs beside them: the search has more pods when
// many search, and what was paid is settled with the banks every ten minutes.
func company(c *kube.Cluster, name string) {
	if name == Cloud {
		least, percent := int32(2), int32(80)
		c.Create(&autoscalingv2.HorizontalPodAutoscaler{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "search"},
			Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
				ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "search"}, MinReplicas: &least, MaxReplicas: 6,
				Metrics: []autoscalingv2.MetricSpec{{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricSource{
					Name: corev1.ResourceCPU, Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: &percent},
				}}},
			},
		})
		return
	}
	zone, retries := "Asia/Shanghai", int32(2)
	labels := map[string]string{"app": "settlement", "team": "pay"}
	c.Create(&batchv1.CronJob{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "settlement", Labels: labels},
		Spec: batchv1.CronJobSpec{
			Schedule: "*/10 * * * *", TimeZone: &zone, ConcurrencyPolicy: batchv1.ForbidConcurrent,
			JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{BackoffLimit: &retries, Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{
					Name: "settle", Image: Image("settlement", "1.3.0"), Args: []string{"--since", "last", "--to", "bank"},
					Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: resource.MustParse("128Mi")}},
				}}},
			}}},
		},
	})
}

// system is what every cluster of the company runs for itself.
func system(c *kube.Cluster, name string) {
	of := func(image string) corev1.PodTemplateSpec {
		program, _, _ := strings.Cut(image, ":")
		return corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"k8s-app": program}},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: program, Image: "registry.k8s.io/" + image}}},
		}
	}
	for _, image := range []string{"flannel:v0.27.3", "node-exporter:v1.9.1"} {
		t := of(image)
		t.Spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}} // what every node needs runs on every node
		program := t.Labels["k8s-app"]
		c.Create(&appsv1.DaemonSet{
			ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: program},
			Spec:       appsv1.DaemonSetSpec{Selector: &metav1.LabelSelector{MatchLabels: t.Labels}, Template: t},
		})
	}
	two := int32(2)
	dns := of("coredns:v1.12.1")
	c.Create(&appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "coredns"},
		Spec:       appsv1.DeploymentSpec{Replicas: &two, Selector: &metav1.LabelSelector{MatchLabels: dns.Labels}, Template: dns},
	})
	if name != House {
		return
	}
	provision(c)
	three, class := int32(3), "local-disk"
	later := storagev1.VolumeBindingWaitForFirstConsumer
	c.Create(&storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: class}, Provisioner: "rancher.io/local-path", VolumeBindingMode: &later})
	db := of("postgres:15.8")
	c.Create(&appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "ledger-db"},
		Spec: appsv1.StatefulSetSpec{
			Replicas: &three, ServiceName: "ledger-db", Selector: &metav1.LabelSelector{MatchLabels: db.Labels}, Template: db,
			VolumeClaimTemplates: []corev1.PersistentVolumeClaim{{ObjectMeta: metav1.ObjectMeta{Name: "data"}, Spec: corev1.PersistentVolumeClaimSpec{
				AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, StorageClassName: &class,
				Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("20Gi")}},
			}}},
		},
	})
}

// aNode is how many pods a node is made for.
const aNode = 100

// fill puts many more pods into a cluster, of sets that do nothing but be there, and
// machines for them.
func fill(w *sandbox.World, c *kube.Cluster, pods int) {
	for n := range pods / aNode {
		w.Boot(sandbox.Machine{
			MachineID: sandbox.MachineID{Cluster: c.Name(), Name: fmt.Sprintf("ecs-%04d", 1000+n)}, Zone: "cn-beijing-h", Type: "ecs.g7.4xlarge",
			Address: fmt.Sprintf("172.17.%d.%d", n/250, n%250+1), Room: sandbox.Usage{CPU: 16, Memory: 64 << 10}, Disk: 200 << 10,
		})
	}
	for n := 0; pods > 0; n++ {
		ns := fmt.Sprintf("tenant-%02d", n/10)
		if n%10 == 0 {
			c.Create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}})
		}
		size := int32(min(pods, 50)) //nolint:gosec // at most 50
		labels := map[string]string{"app": fmt.Sprintf("worker-%04d", n)}
		c.Create(&appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: labels["app"], Labels: labels},
			Spec: appsv1.DeploymentSpec{Replicas: &size, Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "registry.shop.example/worker:1.0"}}},
			}},
		})
		pods -= int(size)
	}
}
